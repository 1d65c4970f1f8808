/**
 * Why a proof, a receipt or a header is not believed (SPEC §8.3, §16). A closed table of its own: these verdicts are a
 * verifier's, they never stand on chain, so they have codes and no numbers.
 */

/** Code → what it means and what to do. Append only: programs decide by the code. */
export const PROOF_REFUSALS = {
  malformed: 'The bytes are not in the one allowed form. Ask another server.',
  bad_validator_set: 'The list of validators is no validator set: wrong order, a key twice, or no power. Ask another server.',
  other_validator_set: 'The header was voted on by another validator set than the one given. Follow the headers up to it first.',
  other_block: 'The certificate is not a commit of this very block. Ask another server.',
  no_quorum: 'The certificate has not a signature each of more than two thirds of the power. Ask another server.',
  bad_signature: 'A signature does not verify: forged, or of another network. Compare the genesis hash, then ask another server.',
  not_in_block: 'The Merkle path does not lead to the root of the header. Ask another server.',
  other_transaction: 'The proof is of another transaction than the one asked for. Ask another server.',
  not_in_state: 'The path does not lead from this row, or its absence, to the state root of the header. Ask another server.',
  other_row: 'The proof is of another row than the one asked for. Ask another server.',
  other_invoice: 'What is proven is not the payment of exactly this invoice. Do not hand anything out.',
  not_done: 'The transaction is final but failed, so it moved nothing. Do not hand anything out.',
  trust_expired: 'What is trusted is older than the trusting period. Get a signed checkpoint that is at most 14 days old.',
  from_future: 'The time stands ahead of the own clock. Set the clock; if it is right, ask another server.',
  not_newer: 'Height or time of the header is not above that of the trusted one. Ask another server.',
  not_linked: 'The header is not the one that the later header names as the block before it. Ask another server.',
  too_little_trust: 'Not more than a third of the trusted power signed this header, and there is none between to go by. Ask another server.',
  too_many_headers: 'It took more headers than an honest chain needs. Ask another server, or start from a newer checkpoint.',
  no_data: 'The server has no answer, or one that is none. Ask another server.',
  no_witness: 'No witness confirms the header with data that verify. Ask again, or name another witness.',
  diverged: 'Two different headers of one height both verify: validators have signed twice. Stop; hand in the evidence; ask people.',
  stale: 'The header is older than allowed: the server is behind or hides new blocks. Ask another server.',
  before_trust: 'The block is below the first trusted one. Start from genesis or an older checkpoint.',
  dropped: 'The server no longer keeps the state of that height. Ask for the newest.',
  checkpoint_not_signed: 'Not more than two thirds of the pinned checkpoint keys signed the checkpoint. Get it from another source.',
  only_for_parties: 'The server shows this transaction to its parties, finance and auditors alone. Log in as one of them, or verify its execution, which needs no login.',
} as const satisfies Readonly<Record<string, string>>;

export type ProofRefusalCode = keyof typeof PROOF_REFUSALS;

export interface ProofRefusal {
  readonly code: ProofRefusalCode;
  /** The values of this case, for people. */
  readonly why: string;
}

/** A verified value, or why it is not believed. */
export type Verdict<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: ProofRefusal };

export function refuseProof(code: ProofRefusalCode, why: string): { readonly ok: false; readonly refusal: ProofRefusal } {
  return { ok: false, refusal: { code, why } };
}

/** What a strict decoder refused, as a verdict. */
export function malformedProof(fault: { readonly code: string; readonly path?: string; readonly why?: string }): { readonly ok: false; readonly refusal: ProofRefusal } {
  return refuseProof('malformed', `${fault.path ?? ''} ${fault.why ?? fault.code}`.trim());
}
