/** Keys of pseudonyms rotate: what was written stays, limits and flags hold (api page §2.13, §4; SPEC §19.5). */
import { fork } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { canonicalJson, verifyEd25519 } from '@billcoin/protocol';
import { rotateKeys } from '@billcoin/sdk';
import { firstKeyFingerprint, keyFingerprint, pseudonymKeyId } from '../../src/campus/crypto.ts';
import { openCampusKeys } from '../../src/campus/keyFile.ts';
import { FLAG_WINDOW_MS } from '../../src/campus/limits/flags.ts';
import { getRow, listRows, ONLY, putRow, TABLES } from '../../src/campus/store.ts';
import { auditExport } from '../../src/sales/auditExport.ts';
import { saleBookOfGenesis } from '../../src/sales/saleBook.ts';
import { attempt, freshPay, linkAll, openAbuseWorld, openFlagsOf } from '../abuse/abuseWorld.ts';
import { buy, csvOf, rowsOf, utc } from '../sales/support.ts';
import { makeKeyFolder, openWorld, wallet, type World } from '../support/campusWorld.ts';

const [ali, tablet] = [wallet('ali'), wallet('tablet')];
const APRIL = { month: '2026-04', tz: 'UTC' };
const MAY = { month: '2026-05', tz: 'UTC' };

async function manifestOf({ campus }: World, query: typeof APRIL): Promise<{ readonly text: string; readonly keyIds: string; readonly signed: Parameters<typeof auditExport>[0]['signed'] }> {
  const made = await campus.sales.manifest(query);
  if (!made.ok) throw new Error(made.code);
  return { text: canonicalJson({ ...made.signed.manifest }), keyIds: made.signed.manifest.pseudonymKeyId, signed: made.signed };
}

async function checkMonth(t: Test, world: World, query: typeof APRIL): Promise<void> {
  const lines = (await csvOf(world, query.month)).split('\r\n').slice(1, -1);
  const { chain } = world;
  const { signed } = await manifestOf(world, query);
  const findings = await auditExport({
    genesisHash: chain.genesisHash, verify: verifyEd25519, book: saleBookOfGenesis(chain.genesis.spec), signed,
    blocks: (async function* () { for (let height = 1; height <= chain.tip().height; height++) yield await chain.readFinal(height) as never; })(),
    lines: (async function* () { yield* await Promise.resolve(lines); })(), onDifference: (difference) => t.fail(JSON.stringify(difference)),
  });
  t.match(findings, { rows: lines.length, differences: 0, manifest: [] }, `${query.month} is what the chain says`);
}

/** Runs the world's node again on its rows and keys. */
async function restarted(t: Test, world: World): Promise<World> {
  await world.api.close();
  await world.campus.close();
  return await openWorld(t, { chain: world.chain, store: world.store, keyFolder: world.keyFolder });
}

t.test('lines keep the pseudonym they were written with: a closed month and its manifest are the same bytes before and after a rotation, and after a restart', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-29T08:00:00Z') });
  await linkAll(world, '1221100123', ali);
  await world.fund(20_000n, ali);
  await buy(world, ali);
  await world.block(utc('2026-05-01T00:00:00Z') - world.nowMs);
  const { txHash: inMay } = await buy(world, ali);
  const [april, told] = [await csvOf(world, '2026-04'), await manifestOf(world, APRIL)];
  const [firstLine] = await rowsOf(world, '2026-05');

  const kid = await rotateKeys(await world.clientAs('admin'), { keys: 'pseudonyms' });
  t.match(kid, /^[0-9a-f]{16}$/);
  t.not(kid, told.keyIds);
  await buy(world, ali);
  await buy(world, wallet('ali'));
  t.equal(await csvOf(world, '2026-04'), april);
  t.equal((await manifestOf(world, APRIL)).text, told.text);
  const may = await rowsOf(world, '2026-05');
  t.same(may[0], firstLine, `${inMay} as it was`);
  t.equal(new Set(may.map((line) => line[2])).size, 2, 'one student, two keys, two pseudonyms');
  t.equal(may[1]?.[2], may[2]?.[2]);
  t.equal((await manifestOf(world, MAY)).keyIds, `${told.keyIds},${kid}`);
  t.equal((await manifestOf(world, { ...MAY, month: '2026-03' })).keyIds, '', 'no line, no pseudonym, no key');
  for (const month of [APRIL, MAY]) await checkMonth(t, world, month);
  const [entry] = (await world.campus.abuse.audit.list({ limit: 1 })).entries;
  t.match(entry, { entry: { action: 'rotateKeys', detail: { keys: 'pseudonyms' } } });

  const spanning = [await csvOf(world, '2026-05'), (await manifestOf(world, MAY)).text];
  const again = await restarted(t, world);
  t.equal(await csvOf(again, '2026-04'), april);
  t.same([await csvOf(again, '2026-05'), (await manifestOf(again, MAY)).text], spanning);
  await buy(again, ali);
  t.equal((await rowsOf(again, '2026-05')).at(-1)?.[2], may[1]?.[2], 'the new key outlived the process');
});

t.test('lines of other rules are made again with the pseudonyms and the keys they had; lines from before keys rotated get the key that is here', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-10T08:00:00Z') });
  await linkAll(world, '1221100123', ali);
  await world.fund(20_000n, ali);
  await buy(world, ali);
  const first = (await manifestOf(world, APRIL)).keyIds;
  await world.campus.rotatePseudonyms();
  await buy(world, ali);
  const [csv, { text }] = [await csvOf(world, '2026-04'), await manifestOf(world, APRIL)];
  const book = await getRow(world.store, TABLES.saleBook, ONLY);
  if (book === undefined) throw new Error('no book');
  await world.store.batch([putRow(TABLES.saleBook, ONLY, { ...book, version: 0 })], { sync: true });
  const again = await restarted(t, world);
  t.same([await csvOf(again, '2026-04'), (await manifestOf(again, APRIL)).text], [csv, text]);

  const [line] = await listRows(world.store, TABLES.sale, { limit: 1 });
  if (line === undefined) throw new Error('no line');
  const { id, value: { keyId, ...old } } = line;
  t.equal(keyId, first);
  await world.store.batch([putRow(TABLES.sale, id, old as never), putRow(TABLES.saleBook, ONLY, { ...book, version: 1 })], { sync: true });
  const upgraded = await restarted(t, again);
  t.equal(await csvOf(upgraded, '2026-04'), csv);
  t.not((await listRows(upgraded.store, TABLES.sale, { limit: 1 }))[0]?.value.keyId, undefined);
});

t.test('no rotation gives anybody new attempts or a second flag; the flag keeps its name, the next one has another', async (t) => {
  const { world } = await openAbuseWorld(t);
  const { abuse } = world.campus;
  await linkAll(world, '1221100123', ali, tablet);
  await world.fund(50_000n, ali, tablet, wallet('alone'));
  for (const payer of [ali, wallet('alone')]) {
    for (let i = 0; i < 5; i++) t.equal(await attempt(abuse, freshPay(world, payer)), 'counted');
    await world.campus.rotatePseudonyms();
    for (let i = 0; i < 5; i++) t.equal(await attempt(abuse, freshPay(world, payer)), 'counted');
    await world.campus.rotatePseudonyms();
    t.equal(await attempt(abuse, freshPay(world, payer)), 'full', 'the 11th, whatever the keys');
  }
  const person = await abuse.limits.personOf(tablet.address);
  const fail = async (): Promise<void> => await abuse.flags.failed({ person, code: 'amount_mismatch', requestId: 'req_1' });
  for (let i = 0; i < 4; i++) await fail();
  const [flag] = await openFlagsOf(abuse);
  t.match(flag?.subject, /^student:[0-9a-f]{32}$/, 'a pseudonym, not our name of the student');
  await world.campus.rotatePseudonyms();
  for (let i = 0; i < 4; i++) await fail();
  t.match(await openFlagsOf(abuse), [{ flagId: flag?.flagId, subject: flag?.subject, count: 8 }], 'the same flag counts on');
  t.match(await abuse.flags.resolve(flag?.flagId ?? '', { outcome: 'harmless', note: '', by: 'usr_1' }), { count: 8 });
  t.notOk(world.logLines.some((line) => line.includes(person.slice('student:'.length))), 'no log names the student as we do');
  world.chain.clock.moveTo(world.nowMs + FLAG_WINDOW_MS + 1);
  for (let i = 0; i < 4; i++) await fail();
  const [next, ...more] = await openFlagsOf(abuse);
  t.same(more, []);
  t.not(next?.subject, flag?.subject, 'new keys, another name');
});

t.test('a token that was issued before a rotation is good after it', async (t) => {
  const world = await openWorld(t);
  await linkAll(world, '1221100123', ali);
  const me = async (): Promise<{ readonly sub: string }> => (await world.get('/auth/me', await world.as(ali))).json;
  const before = await me();
  await world.campus.rotatePseudonyms();
  const after = await me();
  t.match([before.sub, after.sub], [/^[0-9a-f]{32}$/, /^[0-9a-f]{32}$/]);
  t.not(after.sub, before.sub);
});

t.test('a rotation changes the keys of pseudonyms and no other; a file that was being written when the process died is no key', async (t) => {
  const folder = await makeKeyFolder(t);
  const { keys, path, rotatePurposes } = await openCampusKeys(folder);
  const before = { ...keys };
  await writeFile(`${path}.new`, '{"format":', { mode: 0o600 });
  t.same((await openCampusKeys(folder)).keys, before, 'half a new file is none');
  await rotatePurposes();
  t.same([keys.master, keys.index, keys.code, keyFingerprint(keys)], [before.master, before.index, before.code, keyFingerprint(before)]);
  for (const purpose of ['export', 'ops', 'api'] as const) t.notSame(keys.purposes[purpose], before.purposes[purpose]);
  t.same((await openCampusKeys(folder)).keys, keys);
  t.notOk((await readFile(path, 'utf8')).includes(Buffer.from(before.purposes.export).toString('hex')), 'the old key is gone');
  t.same(await readdir(folder), ['campus-keys.json']);
});

t.test('killed at any moment, a rotation has happened or not: the file is whole, and what was told is there', { timeout: 60_000 }, async (t) => {
  const folder = await makeKeyFolder(t);
  const first = (await openCampusKeys(folder)).keys;
  for (const rotations of [1, 7, 20]) {
    const child = fork(fileURLToPath(new URL('../support/rotateForever.ts', import.meta.url)), [folder], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const told: string[] = [];
    const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
    child.on('message', (kid) => {
      told.push(kid as string);
      if (told.length === rotations) child.kill('SIGKILL');
    });
    await ended;
    const { keys, created } = await openCampusKeys(folder);
    t.notOk(created);
    t.same([keys.master, keys.index, keys.code], [first.master, first.index, first.code]);
    const at = told.indexOf(pseudonymKeyId(keys));
    t.ok(at >= rotations - 1 || at === -1, 'the last that was told, or one that nobody heard of');
    t.not(pseudonymKeyId(keys), pseudonymKeyId(first));
  }
});

t.test('a store from before keys rotated is taken over once; of other keys it is none', async (t) => {
  const world = await openWorld(t);
  const { keys } = await openCampusKeys(world.keyFolder);
  const held = await getRow(world.store, TABLES.genesis, ONLY);
  await world.store.batch([putRow(TABLES.genesis, ONLY, { genesisHash: held?.genesisHash ?? '', keyCheck: firstKeyFingerprint(keys) })], { sync: true });
  const again = await restarted(t, world);
  t.same(await getRow(again.store, TABLES.genesis, ONLY), held);
  await again.campus.rotatePseudonyms();
  await restarted(t, again);
});
