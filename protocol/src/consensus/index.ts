/** The consensus core: a pure state machine, its messages and the rules of signing. Nothing in here knows what a block contains. */
export { blockIdOf, coreBlockId, proposalBodyBytes, unsignedBytes, unsignedPreimage, voteBodyBytes, votePreimage, wireBlockId, type VoteFields } from './bodies.ts';
export { bitOf, bitsOf, CERTIFICATE_TYPE, certificateBytes, checkCertificateForm, commitHash, makeBitmap, makeCertificate, verifyCertificate, votesOf } from './certificate.ts';
export * from './effect.ts';
export { attackersOf, duplicateProposal, duplicateVote, readEvidence, type DecidedHeader, type EvidenceContext, type Offence } from './evidence.ts';
export * from './input.ts';
export { parseVote, readProposal, readVote, signedInput, verifyVote, wireProposal, wireVote, type ReadContext } from './messages.ts';
export { makeSchedule, proposerAt, type Schedule } from './proposer.ts';
export { closedHardState, emptyHardState, endsObservation, isClosed, maySign, recordSigned, type SignDecision } from './signRule.ts';
export { initialState, type ConsensusState, type Transition } from './state.ts';
export { statusOf } from './status.ts';
export { step } from './step.ts';
export { isTimely, msgDelayMs, proposalTime, timeoutProposeMs, timeoutVoteMs } from './timeouts.ts';
export * from './types.ts';
export { checkValidatorSet, indexOfKey, isQuorum, isThird, makeValidatorSet, powerOf, TOTAL_POWER_MAX, totalPowerOf, validatorsHash } from './validators.ts';
