/** /wallets, /admin/students and erasing one: the roster and the links of wallets to it (US-001). */
import { assert, equalBytes, fromHex, maskAddress } from '@billcoin/protocol';
import { ROUTES } from '@billcoin/sdk';
import type { Students, Wallets } from '../../campusPorts.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { serve, type Entry } from '../entry.ts';

/** Bytes of a field whose declaration lets only hex of one length through. */
function hexBytes(text: string): Uint8Array {
  const bytes = fromHex(text);
  assert(bytes !== undefined, 'the declaration lets only hex through');
  return bytes;
}

export function studentRoutes(students: Students, wallets: Wallets): readonly Entry[] {
  return [
    serve(ROUTES.linkWallet, async ({ body, host }) => {
      const { linkCode, message } = body;
      const linked = await wallets.link({ domain: host, linkCode, message, publicKey: hexBytes(body.publicKey), signature: hexBytes(body.signature) });
      return linked.ok ? { status: 201, body: { walletId: linked.walletId, addressMasked: linked.addressMasked } } : { problem: linked.code };
    }),
    serve(ROUTES.importStudents, async ({ body }) => {
      const imported = await students.importRoster(body);
      if (!imported.ok) return { problem: 'bad_roster', errors: imported.errors.map(({ line, code }) => ({ pointer: `/line/${line}`, code })) };
      const { added, kept, left, codes } = imported;
      return { status: 200, body: { added, kept, left, codes: [...codes] } };
    }),
    serve(ROUTES.renewLinkCode, async ({ params }) => {
      const code = await students.renewLinkCode(params.studentRef);
      return code === undefined ? { problem: 'not_found' } : { status: 201, body: { studentRef: code.studentRef, linkCode: code.linkCode, expiresAt: rfc3339(code.expiresAtMs) } };
    }),
    serve(ROUTES.eraseStudent, async ({ params: { studentRef } }) => {
      const erased = await students.erase(studentRef);
      return erased === undefined ? { problem: 'not_found' } : { status: 200, body: { studentRef, wallets: erased.wallets } };
    }),
    serve(ROUTES.listWallets, async ({ caller }) => {
      if (caller.role !== 'student') return { problem: 'forbidden' };
      const own = caller.studentRef === undefined ? [] : await wallets.list(caller.studentRef);
      const data = own.map(({ walletId, address, linkedAtMs }) => ({ walletId, addressMasked: maskAddress(address), linkedAt: rfc3339(linkedAtMs), current: equalBytes(address, caller.address) }));
      return { status: 200, body: { data } };
    }),
    serve(ROUTES.unlinkWallet, async ({ caller, params }) => {
      const isUnlinked = caller.role === 'student' && caller.studentRef !== undefined && (await wallets.unlink(caller.studentRef, params.walletId));
      return isUnlinked ? { status: 204, body: null } : { problem: 'not_found' };
    }),
    serve(ROUTES.createLinkCode, async ({ caller }) => {
      const code = caller.role === 'student' && caller.studentRef !== undefined ? await students.secondLinkCode(caller.studentRef) : undefined;
      if (code === undefined) return { problem: 'forbidden', detail: 'Only a linked wallet of a student on the roster can link another.' };
      return { status: 201, body: { linkCode: code.linkCode, expiresAt: rfc3339(code.expiresAtMs) } };
    }),
  ];
}
