/** /wallets/link and /admin/students: the roster and the links of wallets to it (US-001). */
import { fromHex, assert } from '@billcoin/protocol';
import { ROUTES } from '@billcoin/sdk';
import type { Students, Wallets } from '../../campusPorts.ts';
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
      return code === undefined ? { problem: 'not_found' } : { status: 201, body: code };
    }),
  ];
}
