/** Public surface of @billcoin/oracle: the service, its rules, and what devices and plants need to feed it. */
export { computeShares, type Shares } from './closing/composition.ts';
export { attestOf, judgeLot, type LotEvidence, type LotJudgement, type NamedFinding, type VolumeTerms } from './closing/judgeLot.ts';
export type { NamedReading } from './closing/lotFamily.ts';
export { manifestHash, readManifest } from './closing/manifest.ts';
export type { OpenLot } from './closing/openLot.ts';
export * from './device/device.ts';
export * from './device/plant.ts';
export { verifyEd25519Native, verifyP256Native } from './crypto/verifier.ts';
export { openEnvelope, type Opened } from './reading/envelope.ts';
export { readEvidence, readingId, type Reading } from './reading/reading.ts';
export { ALG, batchPreimage, readingPreimage, type Verifiers } from './reading/signature.ts';
export { manifestTopic, ORACLE_FILTERS, parseManifestTopic, parseReadingTopic, readingTopic, receiptTopic } from './reading/topic.ts';
export type { Registry } from './registry/registry.ts';
export { VERDICT, VERDICT_NAMES, type Finding, type History, type Verdict } from './rules/case.ts';
export { judgeReading, makeBench, type Arrival, type Bench } from './rules/judgeReading.ts';
export { MY_PROFILE, profileHash, type Profile } from './rules/profile.ts';
export { REFUSAL_MANIFEST, RULES, ruleText, type Judgement } from './rules/table.ts';
