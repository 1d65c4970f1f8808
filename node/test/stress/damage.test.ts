/**
 * Real LevelDB files cut, zeroed, flipped and removed (consensus page §4 item 18). After every damage the node either starts
 * on a prefix of its chain, decides the same blocks again and goes on, or refuses with a code and a remedy; it is never
 * silently different. `npm run damage` cuts at every byte of the last records; here a seeded sample of the same.
 */
import { spawnSync } from 'node:child_process';
import { cp, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { balanceOf } from '@billcoin/protocol';
import { startBare } from '../support/bareNode.ts';
import { HIDDEN, judge, readChain, type Known } from '../support/judgeStart.ts';
import { cutFile, flipByte, levelFiles, recordStarts, removeFile, zeroFrom, type FileKind } from '../support/levelFiles.ts';
import { makeRandom } from '../support/random.ts';
import { submitFinal } from '../support/runNode.ts';
import { KEYS, TxMaker, makeTestFolders, type TestFolders } from '../support/testNetwork.ts';

const SEED = 20_261_122;
const DATABASES = ['blocks', 'state', 'index', 'mempool'] as const;
const LAST_RECORDS = 3;
/** Every byte of the last records, or this many places of each. */
const EVERY = process.env['BILLCOIN_DAMAGE'] === 'every';
const CUTS = 6;
const FLIPS = EVERY ? 200 : 4;
/** Each in a process of its own, a second. */
const TABLE_FLIPS = EVERY ? 100 : 2;
const BLOCKS_A_LIFE = 8;

interface KnownFolders extends TestFolders, Known {
  /** Puts back what the node had when it stopped. */
  restore(): Promise<void>;
}

/** What is on disk at this moment, also of a running process: what the system holds when it is killed. */
async function cpAsKilled(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true });
}

/**
 * Three lives, so that there are tables and logs, and several flushes of the state. A killed node leaves the last life's
 * blocks ahead of its state.
 */
async function makeKnown(test: Test, isKilled: boolean): Promise<KnownFolders> {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0, timeoutVoteMs: 20, timeoutProposeMs: 30 } });
  const kept = `${folders.root}-kept`;
  test.teardown(async () => {
    await folders.remove();
    await rm(kept, { recursive: true, force: true });
  });
  const maker = new TxMaker(folders.genesis);
  let txs: readonly Uint8Array[] = maker.mint(1_000_000n);
  let found: { readonly ids: string[]; readonly places: Map<string, string> } = { ids: [], places: new Map() };
  let farmMl = 0n;
  for (let life = 0; life < 3; life++) {
    const node = await startBare(folders);
    for (const bytes of txs) await submitFinal(node.port, bytes);
    found = await readChain(node);
    farmMl = balanceOf(node.state(), KEYS.farm.address);
    if (isKilled) await cpAsKilled(folders.root, kept);
    await node.stop();
    txs = Array.from({ length: BLOCKS_A_LIFE }, () => maker.transfer(KEYS.farm, KEYS.treasury.address, 100n));
  }
  if (!isKilled) await cpAsKilled(folders.root, kept);
  await rm(folders.root, { recursive: true });
  await cp(kept, folders.root, { recursive: true });
  return {
    ...folders, ...found, tip: found.ids.length - 1, farmMl,
    async restore() {
      await rm(folders.root, { recursive: true });
      await cp(kept, folders.root, { recursive: true });
    },
  };
}

/** In a process of its own: LevelDB aborts on a table whose keys are out of order. That is a refusal too, without a code. */
function judgeApart(known: KnownFolders): string {
  const { config: { genesis, dataDir, keyDir }, ids, places, tip, farmMl } = known;
  const file = fileURLToPath(new URL('./damageChild.ts', import.meta.url));
  const told = JSON.stringify({ flags: { genesis, 'data-dir': dataDir, 'key-dir': keyDir, 'log-level': 'silent' }, ids, places: [...places], tip, farmMl: String(farmMl) });
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--import=tsx', '--conditions=development', file], { input: told, encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  if (signal === 'SIGABRT' && stderr.includes('leveldb')) return 'aborted';
  throw new Error(stderr.slice(-500));
}

/** Does the damage, starts, judges, puts everything back. */
async function trial(test: Test, known: KnownFolders, outcomes: Map<string, number>, what: string, damage: () => Promise<void>, isTable = false): Promise<void> {
  await damage();
  try {
    const outcome = isTable ? judgeApart(known) : await judge(known);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    // Whatever is cut, recovery makes whole. A byte that has changed in an old table may be nobody's to see before it is read.
    if (!isTable && HIDDEN.has(outcome)) test.fail(`${what}: ${outcome}`);
  } catch (error) {
    test.fail(`${what}: ${error instanceof Error ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}` : String(error)}`);
  }
  await known.restore();
}

function sample(random: () => number, from: number, to: number, count: number): readonly number[] {
  if (EVERY) return Array.from({ length: to - from }, (_, i) => from + i);
  return Array.from({ length: count }, () => from + Math.floor(random() * (to - from)));
}

function report(test: Test, outcomes: ReadonlyMap<string, number>): void {
  test.comment([...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', '));
  test.ok(outcomes.size > 0);
}

for (const isKilled of [false, true]) void t.test(`peer bug 18, tendermint #3089 #3295 #3246: logs of a ${isKilled ? 'killed' : 'stopped'} node cut or zeroed in their last records`, { timeout: 3_600_000 }, async (test) => {
  const known = await makeKnown(test, isKilled);
  const random = makeRandom(SEED);
  for (const name of DATABASES) {
    const outcomes = new Map<string, number>();
    const [log = ''] = (await levelFiles(join(known.config.dataDir, name), 'log')).slice(-1);
    const bytes = await readFile(log);
    const starts = recordStarts(bytes).slice(-LAST_RECORDS);
    const from = starts[0] ?? 0;
    for (const keep of new Set([0, ...starts, ...starts.map((at) => at + 1), ...sample(random, from, bytes.length, CUTS)])) {
      await trial(test, known, outcomes, `${name} log cut at ${keep} of ${bytes.length}`, () => cutFile(log, keep));
    }
    for (const at of new Set([...starts, ...sample(random, from, bytes.length, CUTS >> 2)])) await trial(test, known, outcomes, `${name} log zero from ${at}`, () => zeroFrom(log, at));
    test.comment(name);
    report(test, outcomes);
  }
});

void t.test('peer bug 18: bytes flipped in every kind of file', { timeout: 3_600_000 }, async (test) => {
  const known = await makeKnown(test, false);
  const random = makeRandom(SEED + 1);
  for (const name of DATABASES) {
    for (const kind of ['log', 'table', 'manifest', 'current'] satisfies FileKind[]) {
      const outcomes = new Map<string, number>();
      for (let i = 0; i < (kind === 'table' ? TABLE_FLIPS : FLIPS); i++) {
        const files = await levelFiles(join(known.config.dataDir, name), kind);
        const file = files[Math.floor(random() * files.length)];
        if (file === undefined) continue;
        const { size } = await stat(file);
        if (size === 0) continue;
        const [at, mask] = [Math.floor(random() * size), 1 << Math.floor(random() * 8)];
        await trial(test, known, outcomes, `${file}: byte ${at} of ${size} by ${mask}`, () => flipByte(file, at, mask), kind === 'table');
      }
      test.comment(`${name} ${kind}: ${[...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`);
    }
  }
});

void t.test('peer bug 18, peer bug 19, Jepsen 2017: files cut in half or gone', { timeout: 3_600_000 }, async (test) => {
  const known = await makeKnown(test, false);
  for (const name of DATABASES) {
    for (const kind of ['log', 'table', 'manifest', 'current'] satisfies FileKind[]) {
      const outcomes = new Map<string, number>();
      for (const file of await levelFiles(join(known.config.dataDir, name), kind)) {
        const { size } = await stat(file);
        await trial(test, known, outcomes, `${file} cut in half`, () => cutFile(file, size >> 1));
        await trial(test, known, outcomes, `${file} gone`, () => removeFile(file));
      }
      test.comment(`${name} ${kind}: ${[...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`);
    }
  }
});
