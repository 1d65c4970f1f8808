/** Anchor: a role writes the head of a log into the chain, so that the log cannot be rewritten. Free of fees. */
import { saltedDraft, type TxDraft } from './draft.ts';
import type { AuthorityEnvelope } from './registry.ts';

export interface AnchorParams extends AuthorityEnvelope {
  /** Which log, 1–64 bytes of UTF-8; never anything personal. */
  readonly topic: string;
  /** Its head, 32 bytes. */
  readonly hash: Uint8Array;
}

/** An unsigned Anchor of any role. */
export function buildAnchor(params: AnchorParams): TxDraft {
  const { topic, hash } = params;
  return saltedDraft(params, params.authority, 0n, { case: 'anchor', value: { topic, hash } });
}
