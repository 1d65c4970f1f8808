/** What node.ts builds for newcomers, on both sides: the join of one that is new itself, and what it keeps for others. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Genesis } from '@billcoin/protocol';
import { readCheckpointFile } from '../checkpointFile.ts';
import { ConfigError, type Config } from '../config.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';
import type { Metrics } from '../metrics.ts';
import { isEmptyDataFolder } from '../offline/snapshot.ts';
import type { Clock, Log, Network, PeerInfo, PeerMessage, Timers } from '../ports.ts';
import { SHELF_FOLDER, openSnapshotShelf, type SnapshotShelf } from '../storage/snapshotShelf.ts';
import { SnapshotJoin, joiningPath, type JoinProgress } from './join.ts';
import { SnapshotMaker } from './snapshotMaker.ts';

export interface NewcomerDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly onJoin?: ((progress: JoinProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface NewcomerPeering {
  readonly network: Network;
  peers(): readonly Pick<PeerInfo, 'key' | 'state'>[];
  start(receive: (from: string, message: PeerMessage) => void): Promise<void>;
}

/** An empty data folder begins with a snapshot of peers, where the operator wants it and they have one. */
export async function joinFirst(config: Config, { clock, timers, log, onJoin = () => undefined, signal }: NewcomerDeps, genesis: Genesis, peering: NewcomerPeering): Promise<void> {
  if (!(await isEmptyDataFolder(config.dataDir))) {
    await rm(joiningPath(config.dataDir), { recursive: true, force: true });
    return log.info({ dataDir: config.dataDir }, 'There is data already: --from-snapshot has nothing to do');
  }
  const { checkpoint: path, peers = [], dataDir } = config;
  if (peers.length === 0) throw new ConfigError('--from-snapshot needs --peers: somebody has to give the snapshot.');
  const read = path === undefined ? undefined : await readCheckpointFile(path, genesis, verifyEd25519Native);
  if (read?.ok === false) throw new ConfigError(`The checkpoint ${path ?? ''} is refused (${read.refusal.code}): ${read.refusal.why}.`);
  const partLog = log.child({ part: 'join' });
  const joining = new SnapshotJoin({
    genesis, checkpoint: read?.value, dataDir, verify: verifyEd25519Native, network: peering.network, peerCount: peers.length, clock, timers, log: partLog, report: onJoin, signal,
    connected: () => peering.peers().flatMap(({ key, state }) => (state === 'connected' ? [key] : [])),
  });
  await peering.start((from, message) => joining.receive(from, message));
  if (!(await joining.run())) partLog.warn({}, 'No peer has a snapshot that holds: this node begins with the first block');
}

/** Snapshots for newcomers: made at their heights, served to peers. */
export async function openSnapshots(config: Config, { clock, log }: Pick<NewcomerDeps, 'clock' | 'log'>, metrics: Metrics): Promise<{ readonly shelf: SnapshotShelf; readonly maker: SnapshotMaker | undefined }> {
  const partLog = log.child({ part: 'snapshots' });
  const shelf = await openSnapshotShelf(join(config.dataDir, SHELF_FOLDER), { count: config.snapshotsKept, bytes: config.snapshotsMib * 2 ** 20 }, partLog);
  metrics.measured('billcoin_snapshots_bytes', 'Bytes on disk of the snapshots that are kept for newcomers', () => shelf.bytes);
  const isAlone = config.listen === undefined && config.peers === undefined;
  return { shelf, maker: isAlone || config.snapshotsKept === 0 ? undefined : new SnapshotMaker({ shelf, everyBlocks: config.snapshotBlocks, clock, log: partLog }) };
}
