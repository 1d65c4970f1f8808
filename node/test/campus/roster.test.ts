import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { formatAddress, toBase64Url, toHex } from '@billcoin/protocol';
import { createClient, linkWallet } from '@billcoin/sdk';
import { openCampus } from '../../src/campus/campus.ts';
import { ROSTER_ERRORS_MAX, readRoster } from '../../src/campus/roster.ts';
import { makeLog } from '../../src/log.ts';
import { openKeyValueLevel } from '../../src/storage/keyValueLevel.ts';
import { EXPORT_SIGNER, makeKeyFolder, openWorld, wallet } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { makeTestGenesis } from '../support/testNetwork.ts';

const silent = makeLog({ level: 'silent', nodeName: 'test' });

t.test('a roster is read with line numbers of what is wrong', async (t) => {
  t.same(readRoster('\uFEFFstudentId\r\nA001\r\n\r\n"A002"\r\n'), { ok: true, studentIds: ['A001', 'A002'] });
  t.same(readRoster('studentId\nA001\nA 2\nA001\nA3,Ali\n=cmd()\n'), {
    ok: false, errors: [{ line: 3, code: 'bad_student_id' }, { line: 4, code: 'duplicate' }, { line: 5, code: 'unknown_column' }, { line: 6, code: 'bad_student_id' }],
  });
  t.same(readRoster('studentId,name\nA001,Ali'), { ok: false, errors: [{ line: 1, code: 'unknown_column' }] }, 'names are not taken');
  t.same(readRoster('A001'), { ok: false, errors: [{ line: 1, code: 'header_missing' }] });
  const many = readRoster(`studentId\n${'!\n'.repeat(500)}`);
  t.equal(many.ok ? 0 : many.errors.length, ROSTER_ERRORS_MAX, 'errors are bounded');
});

t.test('a later roster keeps, adds and marks left; a wrong file changes nothing', async (t) => {
  const { campus: { students } } = await openWorld(t);
  const first = await students.importRoster('studentId\nA001\nA002\nA003\n');
  t.match(first, { ok: true, added: 3, kept: 0, left: 0 });
  const codes = first.ok ? first.codes : [];
  t.same(codes.map(({ studentId }) => studentId), ['A001', 'A002', 'A003']);
  t.ok(codes.every(({ linkCode, studentRef }) => /^[0-9A-HJKMNP-TV-Z]{10}$/.test(linkCode) && /^stu_[0-9A-HJKMNP-TV-Z]{26}$/.test(studentRef)));
  t.match(await students.importRoster('studentId\nA001\nA001\n'), { ok: false });
  t.match(await students.importRoster('studentId\nA001\nA004\n'), { ok: true, added: 1, kept: 1, left: 2 });
  t.match(await students.importRoster('studentId\nA001\nA004\n'), { ok: true, added: 0, kept: 2, left: 0, codes: [] });
  const left = codes[1]?.studentRef ?? '';
  t.equal(await students.renewLinkCode(left), undefined, 'no code for somebody who left');
  t.match(await students.importRoster('studentId\nA001\nA002\n'), { ok: true, added: 0, kept: 2, left: 1 });
  t.match(await students.renewLinkCode(left), { studentRef: left }, 'back again, with the same reference');
  t.equal(await students.renewLinkCode('stu_01M7XZRX1G2J0BZCKPKH6GP5SJ'), undefined);
});

t.test('files of the database show neither student nor address nor code', async (t) => {
  const keyFolder = await makeKeyFolder(t);
  const folder = join(keyFolder, '..', 'campus');
  const store = await openKeyValueLevel(folder, () => undefined);
  t.teardown(() => store.close());
  const world = await openWorld(t, { store, keyFolder });
  const ali = wallet('ali');
  const imported = await world.campus.students.importRoster('studentId\n1221100123\n');
  const linkCode = imported.ok ? (imported.codes[0]?.linkCode ?? '') : '';
  await linkWallet(createClient({ baseUrl: world.api.url }), { linkCode, key: ali, genesisHash: world.chain.genesisHash });
  await world.fund(10_000n, ali);
  const order = world.order();
  await world.postOrder(order);
  await world.pay(ali, order.invoice);
  await world.block();
  await world.campus.caughtUp();

  const secrets = ['1221100123', linkCode, formatAddress(ali.address), toHex(ali.address), toBase64Url(ali.address), Buffer.from(ali.address).toString('base64'), Buffer.from(ali.address).toString('latin1')];
  const files = await readdir(folder);
  t.ok(files.length > 3);
  let all = '';
  for (const file of files) all += (await readFile(join(folder, file))).toString('latin1');
  t.ok(all.includes(order.qr.slice(0, 5)) || all.includes('PAID_READY'), 'the rows are in these files');
  for (const secret of secrets) t.notOk(all.includes(secret), `no ${secret.slice(0, 6)}…`);
  const log = world.logLines.join('');
  for (const secret of secrets) t.notOk(log.includes(secret), 'and not in the log');
});

t.test('a store of other keys or of another network is refused', async (t) => {
  const world = await openWorld(t);
  const { chain, store } = world;
  const { clock } = chain;
  await t.rejects(openCampus({ chain, store, exportSigner: EXPORT_SIGNER, clock, log: silent, keyFolder: await makeKeyFolder(t) }), { message: /written with other keys/ });
  const other = new MemoryChain(makeTestGenesis(Date.now() - 5_000));
  const keyFolder = await makeKeyFolder(t);
  await t.rejects(openCampus({ chain: other, store, exportSigner: EXPORT_SIGNER, clock, log: silent, keyFolder }), { message: /belongs to the network with genesis/ });
});
