/** Effect signAndSend up to the send (consensus page §1.9): sign rule, signatures, one guard record on disk. */
import { assert, unsignedPreimage, type HardState, type maySign, type recordSigned, type SignAndSend, type Unsigned } from '@billcoin/protocol';
import type { LostGuard } from '../crypto/lostGuard.ts';

/** What signing needs: the guard's record and the consensus key. */
export interface SigningPort {
  /** Undefined while the guard is lost: nothing is signed. */
  current(): HardState | undefined;
  /** Durable when it resolves. */
  write(next: HardState): Promise<void>;
  sign(message: Uint8Array): Uint8Array;
  /** Present where the guard was lost when this process began. */
  readonly lost?: LostGuard | undefined;
}

/** The pure rules of signing. */
export interface SignRules {
  readonly maySign: typeof maySign;
  readonly recordSigned: typeof recordSigned;
}

export interface SignedBodyOf {
  readonly body: Unsigned;
  readonly signature: Uint8Array;
}

export type SigningOutcome = { readonly ok: true; readonly signed: readonly SignedBodyOf[] } | { readonly ok: false; readonly body: Unsigned; readonly why: string };

/** Signs all bodies or none. What is returned may be sent: the guard holds it on disk. */
export async function signGuarded(rules: SignRules, port: SigningPort, genesisHash: Uint8Array, { bodies, hardState }: SignAndSend): Promise<SigningOutcome> {
  const record = port.current();
  assert(record !== undefined, 'the core of a node without guard signs nothing');
  const signed: SignedBodyOf[] = [];
  let isNew = false;
  for (const body of bodies) {
    const decision = rules.maySign(record, body);
    if (decision.kind === 'refuse') return { ok: false, body, why: decision.why };
    if (decision.kind === 'sign') isNew = true;
    signed.push({ body, signature: decision.kind === 'sign' ? port.sign(unsignedPreimage(genesisHash, body)) : decision.signature });
  }
  if (isNew) await port.write(rules.recordSigned(record, hardState, signed));
  return { ok: true, signed };
}
