/** Proofs: what anybody verifies who knows the network and the validators, with no trust in a server. */
export type { ProofContext, ReceiptTrust, NamedHeader } from './finalHeader.ts';
export * from './execution.ts';
export * from './outcome.ts';
export * from './receipt.ts';
export { PROOF_REFUSALS, type ProofRefusal, type ProofRefusalCode, type Verdict } from './refusal.ts';
export * from './rowProof.ts';
export { verifyStateProof, type ExpectedRow } from './stateProof.ts';
