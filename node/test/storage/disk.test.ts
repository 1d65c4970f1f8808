/** Free space, the start-up test of the disk, and a full disk at every single write (consensus page §4 item 20). */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { StateTree, assertReserveWhole, genesisTip, makeChain, toHex, verifyEd25519 } from '@billcoin/protocol';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { nativeSigner } from '../../src/crypto/nativeSigner.ts';
import { openSignGuard, type SignGuard } from '../../src/crypto/signGuard.ts';
import { openEngine, type Engine } from '../../src/engine.ts';
import { makeLog } from '../../src/log.ts';
import { singleValidatorNetwork } from '../../src/network/singleValidator.ts';
import { verifyDatabase } from '../../src/offline/verifyDb.ts';
import type { Log, Store } from '../../src/ports.ts';
import { openDataFolder } from '../../src/storage/dataFolder.ts';
import { watchDiskSpace } from '../../src/storage/diskSpace.ts';
import { judgeSyncs, testDisk } from '../../src/storage/diskTest.ts';
import { openKeyValueLevel } from '../../src/storage/keyValueLevel.ts';
import { StorageFailure } from '../../src/storageFailure.ts';
import { describe, runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, TxMaker, makeTestFolders, type TestFolders } from '../support/testNetwork.ts';

const MIB = 2 ** 20;
const silent = makeLog({ level: 'silent', nodeName: 'test' });

/** Timers that fire when the test says so. */
function handTimers(): { readonly after: (delayMs: number, fire: () => void) => () => void; fire(): Promise<void> } {
  let waiting: (() => void) | undefined;
  return {
    after(_delayMs, fire) {
      waiting = fire;
      return () => {
        waiting = undefined;
      };
    },
    async fire() {
      const now = waiting;
      waiting = undefined;
      now?.();
      await turn();
    },
  };
}

void t.test('below the floor no transactions are taken, below a quarter of it the node stops', async (test) => {
  const timers = handTimers();
  const lines: string[] = [];
  const halts: StorageFailure[] = [];
  const log: Log = { ...silent, error: (_fields, message) => void lines.push(`error ${message}`), info: (_fields, message) => void lines.push(`info ${message}`) };
  let free = [5_000, 2_000];
  const deps = { folders: ['a', 'b'], floorMib: 1_024, timers, log, halt: (failure: StorageFailure) => void halts.push(failure), freeBytesOf: async (folder: string) => (folder === 'a' ? free[0]! : free[1]!) * MIB };
  const disk = await watchDiskSpace(deps);
  test.same([disk.freeBytes(), disk.isLow()], [2_000 * MIB, false], 'the lesser of both counts');
  for (const [at, isLow] of [[1_024, false], [1_023, true], [700, true], [1_100, false], [300, true]] as const) {
    free = [at, 9_000];
    await timers.fire();
    test.equal(disk.isLow(), isLow, `${at} MiB`);
  }
  test.equal(lines.length, 3, 'said once each time');
  test.same(halts, []);
  free = [9_000, 255];
  await timers.fire();
  test.match(halts, [{ code: 'disk_full', message: /b has 255 MiB left; a node needs 256/ }]);
  await test.rejects(watchDiskSpace(deps), { code: 'disk_full' }, 'nor does it start');
  free = [9_000, 9_000];
  let isGone = false;
  const broken = await watchDiskSpace({ ...deps, freeBytesOf: () => (isGone ? Promise.reject(new Error('no disk')) : Promise.resolve(9_000 * MIB)) });
  isGone = true;
  await timers.fire();
  test.match(halts[1], { code: 'io_failed' });
  broken.stop();
  const stopped = await watchDiskSpace(deps);
  stopped.stop();
  free = [1, 1];
  await timers.fire();
  test.equal(halts.length, 2, 'a stopped watch stops nobody');
});

void t.test('a node whose disk is nearly full answers 503, is not ready, and still ends what it has', async (test) => {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0 } });
  test.teardown(folders.remove);
  const maker = new TxMaker(folders.genesis);
  const node = await runNode(folders.config);
  const first = maker.mint(1_000n)[0];
  await submitFinal(node.port, first);
  await node.stop();
  // A floor that every disk of today is below: the node must start, since it is above a quarter of it only where the disk is large.
  const { free } = await freeOf(folders.config.dataDir);
  const low = await runNode({ ...folders.config, diskFloorMib: Math.min(1_048_576, Math.floor((free / MIB) * 2)) });
  test.teardown(low.stop);
  const refused = await low.port.submit(maker.transfer(KEYS.farm, KEYS.treasury.address, 1n));
  test.equal(describe(refused), 'disk_low');
  test.match(await low.port.submit(first), { ok: true, fresh: false, status: { status: 'final' } }, 'what is known is still answered');
  const ready = await fetch(`${low.url}/health/ready`);
  test.equal(ready.status, 503);
  test.match(await ready.text(), /"name":"disk","ok":false,"detail":"\d+ MiB free"/);
  const posted = await fetch(`${low.url}/api/v1/transactions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ tx: Buffer.from(maker.transfer(KEYS.farm, KEYS.treasury.address, 1n)).toString('base64url') }) });
  test.equal(posted.status, 503);
  test.match(await posted.json(), { code: 'disk_low' });
  test.match(await (await fetch(`${low.url}/metrics`)).text(), /billcoin_disk_free_bytes \d{6}/);
});

async function freeOf(folder: string): Promise<{ readonly free: number }> {
  const disk = await watchDiskSpace({ folders: [folder], floorMib: 256, timers: handTimers(), log: silent, halt: () => undefined });
  return { free: disk.freeBytes() };
}

void t.test('the start-up test of the disk says what is wrong, and leaves nothing behind', async (test) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-disk-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  const found = await testDisk(folder);
  test.ok(found.syncP50Ms > 0 && found.syncP99Ms >= found.syncP50Ms);
  test.notOk(found.warnings.some((warning) => warning.includes('renaming')));
  test.same(await readdir(folder), []);
  test.same(judgeSyncs('f', [0.2, 0.3, 4]).warnings, []);
  test.match(judgeSyncs('f', [1, 2, 25]).warnings, [/takes up to 25\.0 ms/]);
  test.match(judgeSyncs('f', [0.001, 0.001, 0.002]).warnings, [/answers before it has stored/]);
  await test.rejects(testDisk(join(folder, 'nowhere')), { code: 'ENOENT' });
});

/** Lets so many writes happen; from then on the disk is full. */
class FullDisk {
  #left: number;
  /** What the first refused write was for. */
  refused: string | undefined;

  constructor(writes: number) {
    this.#left = writes;
  }

  take(what: string): void {
    if (this.#left-- > 0) return;
    this.refused ??= what;
    throw new StorageFailure('io_failed', `${what}: ENOSPC`, '', { cause: Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }) });
  }

  store(store: Store, onFailure: (failure: StorageFailure) => void): Store {
    return {
      ...store,
      batch: async (operations, options) => {
        this.#try(() => this.take(`${store.name}${options.sync ? ' synced' : ''}`), onFailure);
        await store.batch(operations, options);
      },
    };
  }

  guard(guard: SignGuard, onFailure: (failure: StorageFailure) => void): SignGuard {
    return {
      ...guard,
      write: async (next) => {
        this.#try(() => this.take('guard'), onFailure);
        await guard.write(next);
      },
    };
  }

  #try(action: () => void, onFailure: (failure: StorageFailure) => void): void {
    try {
      action();
    } catch (error) {
      onFailure(error as StorageFailure);
      throw error;
    }
  }
}

interface Life {
  readonly accepted: readonly string[];
  readonly final: readonly string[];
  readonly halted: boolean;
  readonly refused: string | undefined;
}

/** One life on a disk with room for so many writes: two transactions, one after the other. */
async function live({ config, genesis }: TestFolders, writes: number, txs: readonly Uint8Array[]): Promise<Life> {
  const disk = new FullDisk(writes);
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  const chain = makeChain(genesis, verifyEd25519, new StateTree());
  let halted: (error: Error) => void = () => undefined;
  const dead = new Promise<'dead'>((resolve) => {
    halted = () => resolve('dead');
  });
  let isHalted = false;
  const halt = (error: Error): void => {
    isHalted = true;
    halted(error);
  };
  const [accepted, final]: [string[], string[]] = [[], []];
  let engine: Engine | undefined;
  try {
    const stores = { blocks: disk.store(folder.blocks, halt), state: disk.store(folder.state, halt), index: disk.store(folder.index, halt), mempool: disk.store(folder.mempool, halt) };
    engine = await openEngine({
      genesis, chain, genesisTip: () => genesisTip(chain, genesis), stores, network: singleValidatorNetwork, clock: systemClock, timers: systemTimers, log: silent, halt,
      validator: { publicKey: KEYS.validator.publicKey, sign: nativeSigner(KEYS.validator), openGuard: async () => disk.guard(await openSignGuard(config.keyDir, { publicKey: KEYS.validator.publicKey, genesisHash: genesis.genesisHash }, halt), halt) },
      verifySignatures: async (items) => items.map(({ publicKey, message, signature }) => verifyEd25519(publicKey, message, signature)),
      measures: { timed: (_what, write) => write, committed: () => undefined, evidence: () => undefined },
    });
    const { port } = engine;
    port.onFinal((block) => void final.push(...block.txs.map(({ txHash }) => `${txHash} ${block.height} ${toHex(block.blockId)}`)));
    engine.start();
    for (const bytes of txs) {
      const submitted = await Promise.race([port.submit(bytes), dead]);
      if (submitted === 'dead') break;
      if (submitted.ok) accepted.push(submitted.txHash);
      if (!(await isFinal(engine, bytes, () => isHalted))) break;
    }
    await engine.stop();
    await engine.close();
  } catch (error) {
    if (!(error instanceof StorageFailure)) throw error;
  }
  await engine?.stop();
  await folder.close();
  return { accepted, final, halted: isHalted, refused: disk.refused };
}

/** Asks until the transaction is final, or the node has stopped. */
async function isFinal({ port }: Engine, bytes: Uint8Array, isHalted: () => boolean): Promise<boolean> {
  while (!isHalted()) {
    const known = await port.submit(bytes);
    if (known.ok && known.status.status === 'final') return true;
    await delay(2);
  }
  return false;
}

/** More than a life of two transactions writes. */
const WRITES_MAX = 60;

void t.test('peer bug 20, tendermint #8198: a disk that is full at any one write stops the node, and loses nothing that was promised', { timeout: 120_000 }, async (test) => {
  const seen = new Set<string>();
  for (let writes = 0; writes < WRITES_MAX; writes++) {
    const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0, timeoutVoteMs: 20, timeoutProposeMs: 30 } });
    const maker = new TxMaker(folders.genesis);
    const txs = maker.mint(1_000n);
    const life = await live(folders, writes, txs);
    if (life.refused !== undefined) seen.add(life.refused);
    test.equal(life.halted, life.refused !== undefined, `${writes} writes: stopped by ${life.refused ?? 'nothing'}`);
    const again = await live(folders, Number.MAX_SAFE_INTEGER, txs);
    test.equal(again.halted, false, `${writes}: goes on with room`);
    const node = await runNode(folders.config);
    for (const id of life.accepted) test.equal((await node.port.txStatus(id))?.status, 'final', `${writes}: what was accepted is final`);
    for (const line of life.final) {
      const [id = '', height] = line.split(' ');
      test.match(await node.port.txStatus(id), { height: Number(height) }, `${writes}: what was final stayed`);
    }
    assertReserveWhole(node.port.state());
    await node.stop();
    test.same((await verifyDatabase(folders.config, folders.genesis, () => undefined)).problems, []);
    await folders.remove();
    if (life.refused === undefined) break;
  }
  test.same([...seen].sort(), ['blocks synced', 'guard', 'index', 'index synced', 'mempool', 'mempool synced', 'state synced']);
});

void t.test('a failed write of the campus rows is reported before the caller hears of it', async (test: Test) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-campus-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  const reported: StorageFailure[] = [];
  const store = await openKeyValueLevel(folder, (failure) => void reported.push(failure));
  await store.close();
  await test.rejects(store.get('a'), { code: 'io_failed' });
  await test.rejects(store.batch([{ type: 'put', key: 'a', value: Uint8Array.of(1) }], { sync: true }), { code: 'io_failed' });
  await test.rejects(store.list({ gte: 'a', lt: 'b', limit: 1 }), { code: 'io_failed' });
  test.equal(reported.length, 3);
});
