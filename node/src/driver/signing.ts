/** Effect signAndSend up to the send (consensus page §1.9): sign rule, signatures, one guard record on disk. */
import { unsignedPreimage, type HardState, type maySign, type recordSigned, type SignAndSend, type Unsigned } from '@billcoin/protocol';

/** What signing needs: the guard's record and the consensus key. */
export interface SigningPort {
  current(): HardState;
  /** Durable when it resolves. */
  write(next: HardState): Promise<void>;
  sign(message: Uint8Array): Uint8Array;
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
