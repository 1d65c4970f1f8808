/** Public surface of @billcoin/node: what scripts and tests start nodes with. */
export { makeOpenApi } from './api/openapi.ts';
export { systemClock, systemTimers } from './clock.ts';
export { ConfigError, makeConfig, makeConfigDoc, OPTIONS, type Config } from './config.ts';
export { LOG_LEVELS, makeLog, type LogLevel, type LogOptions } from './log.ts';
export { readGenesis, startNode, type NodeDeps, type RunningNode } from './node.ts';
export { OFFENCES } from './network/conduct.ts';
export { FRAME_KINDS } from './network/frames.ts';
export { limitRows as networkLimitRows } from './network/limits.ts';
export { initFolders, type Initialised } from './offline/init.ts';
export { makeConsensusKey, type MadeKey } from './offline/keys.ts';
export { verifyDatabase, type DatabaseReport } from './offline/verifyDb.ts';
export * from './ports.ts';
export { StorageFailure, type StorageFailureCode } from './storageFailure.ts';
// For auditors: an export against the chain.
export { auditExport, type ExportAudit, type ExportFindings } from './sales/auditExport.ts';
export { differenceText } from './sales/compareExport.ts';
export { saleBookOfGenesis } from './sales/saleBook.ts';
export { linkedBlocks } from './sales/soldBlock.ts';
// For benchmarks: the native engines behind the ports, the certificate that clients must trust.
export { DEV_CERTIFICATE_FILE, DEV_KEY_FILE } from './tlsFiles.ts';
export { hashPairsNative, sha256Native } from './crypto/sha256.ts';
export { openLevelStore } from './storage/levelStore.ts';
export { loadRows } from './storage/recovery.ts';
export { makeStateStore } from './storage/stateStore.ts';
export { nativeSigner } from './crypto/nativeSigner.ts';
export { createVerifyPool, type VerifyPool } from './crypto/verifyPool.ts';
export { verifyEd25519Native, verifyP256Native } from './crypto/verifier.ts';
// For benchmarks: whole simulated networks.
export { CAMPAIGN_FLAGS, runCampaign, type CampaignOptions, type CampaignTotals } from './sim/campaign.ts';
