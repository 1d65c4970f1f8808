/** The commands of `billcoin`: what they are called, what they say and what they do. */
import { toHex, type Checkpoint } from '@billcoin/protocol';
import type { Config, OptionName } from '../config.ts';
import { systemClock, systemTimers } from '../clock.ts';
import { lineForPeople, makeLog } from '../log.ts';
import { JoinStopped } from '../join/join.ts';
import { readGenesis, startNode, type RunningNode } from '../node.ts';
import { checkCheckpoint, makeCheckpoint, makeCheckpointKey, signCheckpoint } from '../offline/checkpoint.ts';
import { exportBlocks, fileSink, streamSink } from '../offline/exportBlocks.ts';
import { initFolders } from '../offline/init.ts';
import { makeConsensusKey, openExportKey, openNodeKey } from '../offline/keys.ts';
import { rollback } from '../offline/rollback.ts';
import { createSnapshot, restoreSnapshot } from '../offline/snapshot.ts';
import { verifyDatabase } from '../offline/verifyDb.ts';
import { accountKey, peers, query, status, tx, validators } from './online.ts';
import { rotateKeys } from './rotateKeys.ts';
import { students } from './students.ts';
import { users } from './users.ts';
import { watchJoin, watchStatus } from './watchStatus.ts';
import type { Terminal } from './terminal.ts';
import { verifyExport } from './verifyExport.ts';

export interface Command {
  readonly summary: string;
  /** What follows the command, for people; a command without it takes options only. */
  readonly words?: string;
  /** What it reads, for its help. */
  readonly options: readonly OptionName[];
  /** Exit code: 0 done, 1 refused or failed. */
  run(config: Config, terminal: Terminal, words: readonly string[]): Promise<number>;
}

async function keys(config: Config, { print }: Terminal): Promise<number> {
  const made = await makeConsensusKey(config.keyDir);
  print(`Key file    ${made.file} (mode 600; back it up, never copy it to a second running node)`);
  print(`Public key  ${made.publicKey}`);
  print(`Address     ${made.address}`);
  return 0;
}

async function nodeKey(config: Config, { print }: Terminal): Promise<number> {
  const { publicKey, isNew } = await openNodeKey(config.keyDir);
  print(`Node key    ${publicKey} (what other institutions put into --peers, with @host:port where this node can be reached)`);
  if (isNew) print(`It was made just now in ${config.keyDir}.`);
  return 0;
}

async function init(config: Config, { print }: Terminal): Promise<number> {
  const done = await initFolders(config, await readGenesis(config.genesis));
  print(`Network     ${done.chainId}`);
  print(`Genesis     ${done.genesisHash}`);
  print(`Data folder ${config.dataDir}`);
  print(`Node key    ${done.nodeKey}`);
  if (done.keptGuardHeight !== undefined) print(`The sign guard of this key was kept: it has signed block ${done.keptGuardHeight}, and nothing up to there is signed again.`);
  else print(done.isValidator
    ? 'This node is a validator. A sign guard was made: only if this key has never signed on this network. If it has, remove signguard.dat from the key folder again and read "Lost sign guard" in OPERATING.md.'
    : 'This node holds no key of the first validator set: it follows without signing.');
  return 0;
}

async function start(config: Config, { print, paint, stopAsked }: Terminal): Promise<number> {
  const stop = stopAsked();
  const log = makeLog({ level: config.logLevel, nodeName: config.nodeName, write: paint === undefined ? undefined : (line) => print(lineForPeople(line)) });
  let reportHalt: (error: Error) => void = () => undefined;
  const halted = new Promise<Error>((resolve) => {
    reportHalt = resolve;
  });
  const stopping = new AbortController();
  void stop.then(() => stopping.abort());
  const joining = watchJoin({ paint, clock: systemClock, log });
  let node: RunningNode;
  try {
    node = await startNode(config, { clock: systemClock, timers: systemTimers, log, processMetrics: true, onHalt: reportHalt, onJoin: joining, signal: stopping.signal });
  } catch (error) {
    paint?.('');
    if (!(error instanceof JoinStopped)) throw error;
    print(error.message);
    return 0;
  }
  print(`BillCoin ${node.port.chainId} at height ${node.port.tip().height}. The API is at ${node.url}/api/v1/docs${node.httpsUrl === undefined ? ', for this machine only: --https-port serves others' : ` for this machine and at ${node.httpsUrl} for others`}.`);
  const watch = watchStatus({ status: node.status, paint, timers: systemTimers, log });
  const outcome = await Promise.race([halted, stop]);
  watch.stop();
  // After a failed write nothing more may be written: the process ends as a crash would, and recovery does the rest.
  if (outcome instanceof Error) return 1;
  await node.stop();
  return 0;
}

/** Blocks between two lines of progress. */
const PROGRESS_BLOCKS = 10_000;

async function verifyDb(config: Config, { print }: Terminal): Promise<number> {
  const report = await verifyDatabase(config, await readGenesis(config.genesis), (height, tip) => {
    if (height % PROGRESS_BLOCKS === 0) print(`block ${height} of ${tip}`);
  });
  print(`Blocks 1 to ${report.height} with ${report.transactions} transactions replayed; state on disk at block ${report.stateHeight ?? 'none'}.`);
  for (const problem of report.problems) print(`Problem: ${problem}`);
  print(report.problems.length === 0 ? 'Everything holds.' : 'Restore the newest backup of the data folder, or rebuild it from another node.');
  return report.problems.length === 0 ? 0 : 1;
}

async function rollBack(config: Config, { print }: Terminal): Promise<number> {
  const log = makeLog({ level: config.logLevel, nodeName: config.nodeName });
  const { from, to, stateRoot, by, guardHeight } = await rollback(config, await readGenesis(config.genesis), log);
  print(`Taken back from block ${from} to ${to}, ${by === 'undo' ? 'by the undo rows' : 'by executing the blocks again'}. State root ${stateRoot}, as in the header of block ${to}.`);
  print('Accepted transactions that had not ended and campus rows stay as they are. What was final stays final elsewhere: the node gets the same blocks again.');
  if (guardHeight !== undefined && guardHeight > to + 1) print(`The sign guard has signed block ${guardHeight}: nothing is signed up to there, and one validator alone does not start (see "Rollback" in OPERATING.md).`);
  return 0;
}

async function snapshotCreate(config: Config, { print }: Terminal): Promise<number> {
  const { folder, height, blockId, stateRoot, rows, chunks } = await createSnapshot(config, await readGenesis(config.genesis));
  print(`The state after block ${height} (${blockId}) is in ${folder}: ${rows} rows in ${chunks} chunks, root ${stateRoot}.`);
  print('It holds balances under addresses, and no keys, no sign guard, no pool and no campus rows.');
  return 0;
}

async function snapshotRestore(config: Config, { print }: Terminal): Promise<number> {
  const { height, blockId, stateRoot, rows } = await restoreSnapshot(config, await readGenesis(config.genesis));
  print(`${config.dataDir} begins with block ${height} (${blockId}): ${rows} rows, root ${stateRoot} recomputed and as certified.`);
  print('What came before that block is not here: the node answers that it is pruned. Key folder and sign guard were not touched.');
  return 0;
}

async function writeExport(config: Config, { print, output }: Terminal): Promise<number> {
  const genesis = await readGenesis(config.genesis);
  const { out } = config;
  const { from, to, transactions, rows } = await exportBlocks(config, genesis, async () => (out === undefined ? streamSink(output, false) : fileSink(out)));
  if (out !== undefined) print(`Blocks ${from} to ${to} with ${transactions} transactions and ${rows ?? 'no'} state rows are in ${out}; SPEC §14 says what its lines are.`);
  return 0;
}

async function exportKey(config: Config, { print }: Terminal): Promise<number> {
  const { publicKey, isNew } = await openExportKey(config.keyDir);
  print(`Export key  ${publicKey} (finance and auditors compare the key of a manifest with it)`);
  if (isNew) print(`It was made just now in ${config.keyDir} and has signed nothing yet. Where a node exports already, name its key folder with --key-dir.`);
  return 0;
}

function describe({ height, blockId, timeMs }: Checkpoint): string {
  return `Block ${height}, ${toHex(blockId)}, of ${new Date(timeMs).toISOString()}`;
}

async function checkpointKey(config: Config, { print }: Terminal): Promise<number> {
  const made = await makeCheckpointKey(config);
  print(`Key file    ${made.file} (mode 600; keep it away from the node if you can)`);
  print(`Public key  ${made.publicKey} (goes into checkpointKeys of the genesis file)`);
  return 0;
}

async function checkpointMake(config: Config, { print }: Terminal): Promise<number> {
  print(`${describe(await makeCheckpoint(config, await readGenesis(config.genesis)))} is in ${config.checkpoint ?? ''}, not signed yet.`);
  return 0;
}

async function checkpointSign(config: Config, { print }: Terminal): Promise<number> {
  const genesis = await readGenesis(config.genesis);
  const { checkpoint, signatures } = await signCheckpoint(config, genesis);
  print(`${describe(checkpoint)} has ${signatures.length} signatures of ${genesis.spec.checkpointKeys.length} keys.`);
  return 0;
}

async function checkpointVerify(config: Config, { print }: Terminal): Promise<number> {
  const checked = await checkCheckpoint(config, await readGenesis(config.genesis));
  print('problem' in checked ? `Refused: ${checked.problem}` : `${describe(checked.signed.checkpoint)} is signed by more than two thirds of the keys. Clients take it for 14 days.`);
  return 'problem' in checked ? 1 : 0;
}

const ASK = ['httpHost', 'httpPort'] as const;
const LOGIN = [...ASK, 'user', 'passwordFile'] as const;
const FOLDERS = ['genesis', 'dataDir', 'keyDir'] as const;
const START = [
  ...FOLDERS, 'nodeName', 'logLevel', 'chainOnly', 'listen', 'peers', ...ASK, 'httpsHost', 'httpsPort', 'tlsCert', 'tlsKey', 'metricsListen', 'campusAuthorityKey', 'slackWebhookFile', 'alertsToLoopback',
  'verifyThreads', 'diskFloorMib', 'checkpoint', 'fromSnapshot', 'snapshotBlocks', 'snapshotsKept', 'snapshotsMib', 'signFromHeight', 'iAmTheOnlyOne',
] as const;

/** THE table, by what a command needs. */
export const GROUPS: Readonly<Record<string, Readonly<Record<string, Command>>>> = {
  'A node': {
    keys: { summary: 'Make the consensus key of a validator in --key-dir.', options: ['keyDir'], run: keys },
    'node-key': { summary: 'Print the key that other nodes know this one by; the first time it is made.', options: ['keyDir'], run: nodeKey },
    init: { summary: 'Make the data folder for the network of --genesis, and the sign guard of a validator.', options: FOLDERS, run: init },
    start: { summary: 'Run the node until SIGINT or SIGTERM. The API is for this machine; --https-port serves others over TLS 1.3.', options: START, run: start },
  },
  'At a running node on this machine (--http-port)': {
    status: { summary: 'Height, peers and sync of the node.', options: [...ASK, 'json'], run: status },
    peers: { summary: 'Every peer that the node admits: how far it is, what waits for it, how it behaves. Log in as an administrator.', options: [...LOGIN, 'json'], run: peers },
    validators: { summary: 'Who votes on blocks, and who waits to be elected.', options: ASK, run: validators },
    query: { summary: 'Show an account, validator or transaction once its proof verifies. Accounts, and what a transaction says, are for their owner (--account-key), finance and auditors (--user).', words: 'account|validator|tx <address or hash>', options: ['genesis', ...LOGIN, 'accountKey'], run: query },
    'account-key': { summary: 'Make the key of an account at --account-key; needs no node.', options: ['accountKey'], run: accountKey },
    tx: { summary: 'Sign a transaction with --account-key, send it and wait until it is final.', words: '<kind> <field>=<value> …', options: ['genesis', ...ASK, 'accountKey'], run: tx },
  },
  'People of the campus': {
    users: { summary: 'Accounts of people. While no node runs they are read and written in --data-dir: make the first administrator so. A running node is asked as --user.', words: 'add <name> manager|finance|auditor|admin [address of the manager\'s merchant] | list | disable <name> [reason]', options: [...FOLDERS, ...LOGIN, 'json'], run: users },
    'rotate-keys': { summary: 'New keys of pseudonyms (exports, flags, logs) or of access tokens. While no node runs they are made in --key-dir; a running node is asked as --user, an administrator.', words: 'pseudonyms|tokens', options: [...FOLDERS, ...LOGIN], run: rotateKeys },
    students: { summary: 'The roster of the university, at a running node as --user (an administrator): import <file> takes the whole list over and gives newcomers link codes, link-code gives one student a new code, erase deletes what is known of one.', words: 'import <file> | link-code <student ref> | erase <student ref>', options: [...LOGIN, 'out'], run: students },
  },
  'On the folders of a stopped node': {
    'verify-db': { summary: 'Replay all blocks and check every stored value.', options: ['genesis', 'dataDir', 'snapshot', 'checkpoint'], run: verifyDb },
    rollback: { summary: 'Take state, index and blocks back to --to, or by --blocks.', options: [...FOLDERS, 'to', 'rollbackBlocks', 'pastGuard', 'logLevel'], run: rollBack },
    'snapshot create': { summary: 'Write the state of the newest block on disk to the new folder --snapshot.', options: ['genesis', 'dataDir', 'snapshot'], run: snapshotCreate },
    'snapshot restore': { summary: 'Make a data folder that begins with the block of --snapshot.', options: ['genesis', 'dataDir', 'snapshot', 'checkpoint'], run: snapshotRestore },
    'export-blocks': { summary: 'Write blocks and state as JSON lines (SPEC §14) for auditors.', options: ['genesis', 'dataDir', 'from', 'to', 'out'], run: writeExport },
  },
  'Checkpoints, where wallets begin to trust': {
    'checkpoint-key': { summary: 'Make a key for signing checkpoints in --key-dir.', options: ['keyDir'], run: checkpointKey },
    'checkpoint-make': { summary: 'Write the newest block of the running node to --checkpoint, not signed.', options: ['genesis', ...ASK, 'checkpoint'], run: checkpointMake },
    'checkpoint-sign': { summary: 'Sign the file of --checkpoint with the key of --key-dir; needs no node.', options: ['genesis', 'keyDir', 'checkpoint'], run: checkpointSign },
    'checkpoint-verify': { summary: 'Check the signatures of the file of --checkpoint; needs no node.', options: ['genesis', 'checkpoint'], run: checkpointVerify },
  },
  'Exports of sales': {
    'export-key': { summary: 'Print the key that signs the exports of the node with this --key-dir; the first time it is made.', options: ['keyDir'], run: exportKey },
    'verify-export': { summary: 'Recount an export from the blocks of --node or --data-dir and say line by line where it or its --manifest differs. Exit code 0: all holds, 1: it differs, 2: not checked.', words: '<file>', options: ['genesis', 'manifest', 'exportKey', 'dataDir', 'nodeUrl', 'user', 'passwordFile'], run: verifyExport },
  },
};

export const COMMANDS: Readonly<Record<string, Command>> = Object.fromEntries(Object.values(GROUPS).flatMap((commands) => Object.entries(commands)));
