/** `billcoin snapshot create | restore` on real folders: what comes back is the chain's, or nothing does. */
import { cp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import { balanceOf, canonicalJson, checkpointJson, checkpointPreimage, makeValidatorSet, sha256, signEd25519, toHex, utf8, validatorsHash, type Json } from '@billcoin/protocol';
import { runCli } from '../../src/cli/cli.ts';
import type { Config } from '../../src/config.ts';
import { makeLog } from '../../src/log.ts';
import { initFolders } from '../../src/offline/init.ts';
import { rollback } from '../../src/offline/rollback.ts';
import { createSnapshot, restoreSnapshot } from '../../src/offline/snapshot.ts';
import { verifyDatabase } from '../../src/offline/verifyDb.ts';
import { packFrames, unpackFrames } from '../../src/storage/frames.ts';
import { loseRow, replaceValue } from '../support/damage.ts';
import { runMinted } from '../support/mintedNode.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, TxMaker, makeTestFolders, makeTestGenesis, type TestFolders } from '../support/testNetwork.ts';

interface Snapped extends TestFolders {
  /** Of the snapshot. */
  readonly height: number;
  readonly snapshot: string;
  /** The same key folder over a data folder that is not there yet. */
  readonly elsewhere: Config;
  /** A transaction from before the snapshot. */
  readonly oldTx: string;
  readonly farmMl: bigint;
}

/** A stopped node and a snapshot of it. */
async function snapped(test: Test): Promise<Snapped> {
  const { folders, node, maker, mint } = await runMinted(test);
  await submitFinal(node.port, maker.transfer(KEYS.farm, KEYS.treasury.address, 100n));
  const farmMl = balanceOf(node.port.state(), KEYS.farm.address);
  const { height } = node.port.tip();
  await node.stop();
  const snapshot = join(folders.root, 'snapshot');
  const config = { ...folders.config, snapshot };
  const made = await createSnapshot(config, folders.genesis);
  test.equal(made.height, height);
  return { ...folders, config, height, snapshot, elsewhere: { ...config, dataDir: join(folders.root, 'other') }, oldTx: maker.parse(mint[0]).txHash, farmMl };
}

async function problemsOf(config: Config, { genesis }: TestFolders): Promise<readonly string[]> {
  return (await verifyDatabase(config, genesis, () => undefined)).problems;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

void t.test('a restored node goes on where the snapshot was taken, and says what it does not have', async (test) => {
  const world = await snapped(test);
  const { elsewhere, genesis, height } = world;
  const restored = await restoreSnapshot(elsewhere, genesis);
  test.equal(restored.height, height);
  test.same(await problemsOf(elsewhere, world), []);
  const node = await runNode(elsewhere);
  test.teardown(node.stop);
  test.equal(node.port.tip().height, height);
  test.equal(balanceOf(node.port.state(), KEYS.farm.address), world.farmMl);
  test.equal(await node.port.txStatus(world.oldTx), undefined);
  test.same(await node.port.accountHistory(KEYS.farm.address, 10), []);
  for (const old of [1, height]) {
    const answer = await fetch(`${node.url}/api/v1/blocks/${old}`);
    test.equal(answer.status, 410, `block ${old} is gone`);
    test.equal(((await answer.json()) as { code: string }).code, 'pruned');
  }
  for (const [asked, status] of [['?height=0', 410], ['?height=1', 410], ['', 200], [`?height=${height}`, 200]] as const) test.equal((await fetch(`${node.url}/api/v1/registry${asked}`)).status, status, `registry ${asked}`);
  const maker = new TxMaker(genesis);
  const final = await submitFinal(node.port, maker.transfer(KEYS.farm, KEYS.treasury.address, 7n));
  test.equal(final.height, height + 1);
  test.equal((await fetch(`${node.url}/api/v1/registry?height=${height + 1}`)).status, 200);
  await node.stop();
  test.same(await problemsOf({ ...elsewhere, snapshot: undefined }, world), [], 'checked without the snapshot');
  const executed = await verifyDatabase(elsewhere, genesis, () => undefined);
  test.same(executed, { height: height + 1, transactions: 1, stateHeight: height + 1, problems: [] }, 'and executed from it');
  const again = await runNode(elsewhere);
  test.equal(again.port.tip().height, height + 1);
  await again.stop();
});

void t.test('the same state gives the same snapshot, and no secret is in it', async (test) => {
  const world = await snapped(test);
  const second = join(world.root, 'second');
  await createSnapshot({ ...world.config, snapshot: second }, world.genesis);
  const guard = await readFile(join(world.config.keyDir, 'signguard.dat'));
  for (const name of await readdir(world.snapshot)) {
    const bytes = await readFile(join(world.snapshot, name));
    test.ok(bytes.equals(await readFile(join(second, name))), name);
    for (const secret of [Buffer.from(KEYS.validator.seed), Buffer.from(toHex(KEYS.validator.seed)), guard.subarray(0, 32)]) test.notOk(bytes.includes(secret));
    test.equal((await stat(join(world.snapshot, name))).mode & 0o777, 0o600);
  }
  await test.rejects(createSnapshot(world.config, world.genesis), { code: 'EEXIST' });
});

/** The manifest with other content and the checksum that belongs to it. */
async function forge(folder: string, change: (content: Record<string, Json>) => void): Promise<void> {
  const path = join(folder, 'manifest.json');
  const { content } = JSON.parse(await readFile(path, 'utf8')) as { content: Record<string, Json> };
  change(content);
  await writeFile(path, JSON.stringify({ content, sha256: toHex(sha256(utf8(canonicalJson(content)))) }));
}

/** Rows of the first chunk changed, hashes made right again: only the state root can tell. */
async function forgeRows(folder: string, change: (frames: Uint8Array[]) => Uint8Array[]): Promise<void> {
  const path = join(folder, '000000.rows');
  const frames = change(unpackFrames(new Uint8Array(await readFile(path))) ?? []);
  const chunk = packFrames(frames);
  await writeFile(path, chunk);
  await forge(folder, (content) => Object.assign(content, { chunkHashes: [toHex(sha256(chunk))], rows: Math.floor(frames.length / 2) }));
}

void t.test('peer bug 2, ASA-2025-002: whatever of a snapshot is damaged, unfinished, forged or in another order is refused, and no data folder is left', async (test) => {
  const world = await snapped(test);
  const whole = `${world.snapshot}-whole`;
  await cp(world.snapshot, whole, { recursive: true });
  const file = (name: string): string => join(world.snapshot, name);
  const cut = async (name: string, keep: number): Promise<void> => writeFile(file(name), (await readFile(file(name))).subarray(0, keep));
  const flip = async (name: string, at: number): Promise<void> => writeFile(file(name), (await readFile(file(name))).map((byte, i) => (i === at ? byte ^ 1 : byte)));
  const flipHex = (field: string, at: number) => (): Promise<void> => forge(world.snapshot, (content) => {
    const text = content[field] as string;
    content[field] = text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);
  });
  const cases: readonly [string, () => Promise<void>, RegExp][] = [
    ['no manifest', () => rm(file('manifest.json')), /not finished/],
    ['half a manifest', () => cut('manifest.json', 300), /no manifest/],
    ['a flipped digit in the manifest', () => flip('manifest.json', 60), /checksum|no manifest/],
    ['no block', () => rm(file('block')), /block is missing/],
    ['a damaged block', () => flip('block', 40), /block is not the one/],
    ['no chunk', () => rm(file('000000.rows')), /000000\.rows is missing/],
    ['a cut chunk', () => cut('000000.rows', 1_000), /000000\.rows is not the one/],
    ['a flipped bit in a chunk', () => flip('000000.rows', 500), /000000\.rows is not the one/],
    ['a row less', () => forgeRows(world.snapshot, (frames) => frames.slice(2)), /state root/],
    ['a row twice', () => forgeRows(world.snapshot, (frames) => [...frames.slice(0, 2), ...frames]), /out of order/],
    ['half a row', () => forgeRows(world.snapshot, (frames) => frames.slice(1)), /whole rows|field of another form/],
    ['a row of no kind', () => forgeRows(world.snapshot, (frames) => [Uint8Array.of(0xff), Uint8Array.of(1), ...frames].slice(0, 2)), /no known form/],
    ['another header', flipHex('lightBlock', 60), /refused|another form/],
    ['a forged certificate', () => forge(world.snapshot, (content) => {
      const text = content['lightBlock'] as string;
      content['lightBlock'] = text.replace(/.{200}$/, (end) => (end.startsWith('0') ? '1' : '0') + end.slice(1));
    }), /refused|another form/],
    ['rows that the manifest does not count', () => forge(world.snapshot, (content) => Object.assign(content, { rows: 1 })), /its manifest says 1/],
    ['a set of the future', () => forge(world.snapshot, (content) => Object.assign(content, { validatorsSince: 1_000 })), /of the future/],
    ['another height', () => forge(world.snapshot, (content) => Object.assign(content, { height: 2 })), /different heights/],
    ['another format', () => forge(world.snapshot, (content) => Object.assign(content, { format: 2 })), /format 2/],
  ];
  for (const [what, damage, found] of cases) {
    await damage();
    await test.rejects(restoreSnapshot(world.elsewhere, world.genesis), { name: 'StorageFailure', message: found }, what);
    test.equal(await isThere(world.elsewhere.dataDir), false, what);
    await rm(world.snapshot, { recursive: true });
    await cp(whole, world.snapshot, { recursive: true });
  }
  await test.rejects(restoreSnapshot(world.elsewhere, makeTestGenesis(world.genesis.spec.timeMs + 1)), { code: 'wrong_network' });
  await restoreSnapshot(world.elsewhere, world.genesis);
  test.ok(await isThere(world.elsewhere.dataDir), 'the whole one is taken');
});

void t.test('a validator set that has changed since genesis is believed where a checkpoint names it', async (test) => {
  const world = await snapped(test);
  const { elsewhere, genesis, root, config } = world;
  // As if the validators of genesis had left long ago.
  const moved = { ...genesis, validators: makeValidatorSet([{ publicKey: KEYS.farm.publicKey, power: 1 }]) };
  await test.rejects(restoreSnapshot(elsewhere, moved), { code: 'damaged_value', message: /neither genesis nor --checkpoint names/ });

  const named = { height: 1, blockId: new Uint8Array(32).fill(1), validatorsHash: validatorsHash(genesis.validators), timeMs: genesis.spec.timeMs };
  const path = join(root, 'checkpoint.json');
  const sign = async (key: typeof KEYS.validator, checkpoint: typeof named): Promise<void> => {
    const signature = signEd25519(key.seed, checkpointPreimage(genesis.genesisHash, checkpoint));
    await writeFile(path, checkpointJson({ checkpoint, signatures: [{ publicKey: key.publicKey, signature }] }));
  };
  await sign(KEYS.farm, named);
  await test.rejects(restoreSnapshot({ ...elsewhere, checkpoint: path }, moved), { name: 'ConfigError', message: /The checkpoint .* is refused/ });
  await sign(KEYS.validator, { ...named, validatorsHash: validatorsHash(moved.validators) });
  await test.rejects(restoreSnapshot({ ...elsewhere, checkpoint: path }, moved), { message: /neither genesis nor --checkpoint names/ });
  await sign(KEYS.validator, named);
  test.equal((await restoreSnapshot({ ...elsewhere, checkpoint: path }, moved)).height, world.height);
  test.same(await problemsOf({ ...elsewhere, snapshot: undefined }, { ...world, genesis: moved }), [], 'later blocks are verified by the sets in the state');
  test.equal((await createSnapshot({ ...config, snapshot: join(root, 'of a moved set') }, moved)).height, world.height, 'the own chain needs no checkpoint');
});

void t.test('data is never overwritten; the empty folder of init is', async (test) => {
  const world = await snapped(test);
  await test.rejects(restoreSnapshot({ ...world.elsewhere, dataDir: world.config.dataDir }, world.genesis), /holds data already/);
  test.same(await problemsOf(world.config, world), []);
  const fresh = { ...world.elsewhere, keyDir: join(world.root, 'no-keys') };
  await initFolders(fresh, world.genesis);
  await restoreSnapshot(fresh, world.genesis);
  await test.rejects(restoreSnapshot({ ...fresh, snapshot: undefined }, world.genesis), /--snapshot <folder> is missing/);
});

void t.test('the guard’s rules hold: a snapshot older than what was signed does not start alone', async (test) => {
  const world = await snapped(test);
  const node = await runNode(world.config);
  const maker = new TxMaker(world.genesis);
  for (const amount of [1n, 2n]) await submitFinal(node.port, maker.transfer(KEYS.farm, KEYS.treasury.address, amount));
  await node.stop();
  await restoreSnapshot(world.elsewhere, world.genesis);
  await test.rejects(runNode(world.elsewhere), { code: 'older_than_guard', message: new RegExp(`signed block ${world.height + 2}, but the blocks end at ${world.height}`) });
});

void t.test('a folder made from a snapshot cannot go below it, and says so', async (test) => {
  const world = await snapped(test);
  const { elsewhere, genesis, height } = world;
  await restoreSnapshot(elsewhere, genesis);
  const silent = makeLog({ level: 'silent', nodeName: 'test' });
  const node = await runNode(elsewhere);
  await submitFinal(node.port, new TxMaker(genesis).transfer(KEYS.farm, KEYS.treasury.address, 7n));
  await node.stop();
  await test.rejects(rollback({ ...elsewhere, to: height - 1 }, genesis, silent), new RegExp(`below block ${height}`));
  test.match(await rollback({ ...elsewhere, to: height }, genesis, silent), { to: height, by: 'undo' });
  test.same(await problemsOf(elsewhere, world), []);
  const kept = `${elsewhere.dataDir}-kept`;
  await cp(elsewhere.dataDir, kept, { recursive: true });
  const restore = async (): Promise<void> => {
    await rm(elsewhere.dataDir, { recursive: true });
    await cp(kept, elsewhere.dataDir, { recursive: true });
  };
  await rm(join(elsewhere.dataDir, 'state'), { recursive: true });
  await test.rejects(runNode(elsewhere), { code: 'damaged_value', message: /begin with 3.*snapshot restore/ });
  await restore();
  await loseRow(elsewhere.dataDir, 'blocks', 'm/base');
  await test.rejects(runNode(elsewhere), { code: 'lost_records' });
  await restore();
  await loseRow(elsewhere.dataDir, 'blocks', 'b/');
  await test.rejects(runNode(elsewhere), { code: 'lost_records' });
  await restore();
  await replaceValue(elsewhere.dataDir, 'state', 's/\u0001', (payload) => payload.map((byte, i) => (i === 1 ? byte ^ 1 : byte)));
  test.match((await problemsOf({ ...elsewhere, snapshot: undefined }, world)).join(), /not that of block/);
});

void t.test('the commands say what they did; a running node and an empty one are refused', async (test) => {
  const world = await snapped(test);
  const { config, root } = world;
  const cli = async (dataDir: string, ...args: string[]): Promise<{ code: number; text: string }> => {
    const lines: string[] = [];
    const flags = ['--genesis', config.genesis, '--data-dir', dataDir, '--key-dir', config.keyDir];
    const code = await runCli([...args, ...flags], {}, { print: (line) => void lines.push(line), complain: (line) => void lines.push(line), output: new PassThrough(), stopAsked: () => Promise.resolve() });
    return { code, text: lines.join('\n') };
  };
  const made = await cli(config.dataDir, 'snapshot', 'create', '--snapshot', join(root, 'two'));
  test.equal(made.code, 0, made.text);
  test.match(made.text, /The state after block 3 .* rows in 1 chunks/);
  const put = await cli(join(root, 'third'), 'snapshot', 'restore', '--snapshot', join(root, 'two'));
  test.equal(put.code, 0, put.text);
  test.match(put.text, /begins with block 3/);
  test.match((await cli(config.dataDir, 'snapshot')).text, /"snapshot" is no command/);
  const node = await runNode(config);
  await test.rejects(createSnapshot({ ...config, snapshot: join(root, 'four') }, world.genesis), { code: 'locked' });
  await node.stop();
  const empty = await makeTestFolders();
  test.teardown(empty.remove);
  await mkdir(join(empty.root, 'x'));
  await test.rejects(createSnapshot({ ...empty.config, snapshot: join(empty.root, 'x', 'y') }, empty.genesis), /no block on disk/);
});
