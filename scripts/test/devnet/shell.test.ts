/** The small parts round the devnet: options, files, ports, figures, receipts. */
import t from 'tap';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { addressOf, chainTag, ed25519PublicKey, encode, Receipt, ReceiptBody, signEd25519, signingBytes, toHex } from '@billcoin/protocol';
import { ApiError, ConnectionError } from '@billcoin/sdk';
import { lockData } from '../../src/devnet/dataLock.ts';
import { freePort } from '../../src/devnet/freePort.ts';
import { readKey, readOrMakeKey } from '../../src/devnet/keyFile.ts';
import { LogFile } from '../../src/devnet/logFile.ts';
import { memoryOf } from '../../src/devnet/memory.ts';
import { pathsOf } from '../../src/devnet/network.ts';
import { parseOptions } from '../../src/devnet/options.ts';
import { parseReadingCounts, readReadings } from '../../src/devnet/oracleView.ts';
import { isStored, readReceipt } from '../../src/devnet/parts/receipt.ts';
import { inParallel, isPassing, litresOf, persist } from '../../src/devnet/parts/settle.ts';
import { clearSigned, keepPurchase, keepSigned, readPurchases, readUnsettled } from '../../src/devnet/purchaseBook.ts';
import { statusBlock } from '../../src/devnet/statusBlock.ts';

t.test('options have defaults, and a wrong one says what it takes', (t) => {
  t.match(parseOptions([]), { once: false, data: join(process.cwd(), 'data'), apiPort: 8_080, brokerPort: 1_883 });
  t.match(parseOptions(['--once', '--data', '/tmp/x', '--api-port', '0']), { once: true, data: '/tmp/x', apiPort: 0 });
  t.equal(parseOptions([]).validators, undefined);
  t.equal(parseOptions(['--validators', '4']).validators, 4);
  for (const wrong of ['0', '8', 'four', '']) t.throws(() => parseOptions(['--validators', wrong]), /--validators must be 1 to 7/);
  t.throws(() => parseOptions(['--api-port', '70000']), /--api-port must be a port/);
  t.throws(() => parseOptions(['--twice']), /--once/);
  t.end();
});

t.test('a key is made once, for its owner only', (t) => {
  const path = join(t.testdir(), 'keys', 'farm.json');
  const made = readOrMakeKey(path);
  t.equal(readOrMakeKey(path).addressText, made.addressText);
  t.equal(statSync(path).mode & 0o777, 0o600);
  writeFileSync(path, '{}');
  t.throws(() => readKey(path), /is not a key file/);
  t.end();
});

t.test('one devnet at a time on a folder; a dead one’s lock is taken over', (t) => {
  const paths = pathsOf(t.testdir());
  const unlock = lockData(paths);
  const file = join(paths.run, 'supervisor.pid');
  t.equal(readFileSync(file, 'utf8'), String(process.pid));
  writeFileSync(file, String(process.ppid));
  t.throws(() => lockData(paths), /A devnet runs on .* already/);
  writeFileSync(file, '4194304');
  lockData(paths);
  unlock();
  t.throws(() => readFileSync(file));
  t.end();
});

t.test('a wanted port is taken where it is free', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.not(await freePort(port), port, 'it is taken');
  server.close();
  await once(server, 'close');
  t.equal(await freePort(port), port);
});

t.test('a log keeps a bounded size', (t) => {
  const log = new LogFile(join(t.testdir(), 'part.log'));
  log.write(Buffer.from('first\n'));
  log.write(Buffer.alloc(4_194_304, 'x'));
  log.write(Buffer.from('\nlast\n'));
  log.close();
  t.ok(statSync(log.path).size < 100, 'the file before it was put aside');
  t.match(readFileSync(`${log.path}.1`, 'utf8'), /x$/);
  t.equal(log.tail(), '\nlast');
  t.end();
});

t.test('wallets ask about what was signed and not seen to end', (t) => {
  const root = t.testdir();
  const signed = { student: 1, txHash: 'aa', ref: 'r', tillNo: 1, sen: 180, amountMl: 300, coupon: null };
  t.same(readPurchases(root), []);
  keepSigned(root, signed);
  keepSigned(root, { ...signed, txHash: 'bb' });
  appendFileSync(join(root, 'wallets', 'signed.jsonl'), '{"student":2,');
  keepPurchase(root, { ...signed, height: 4, timeMs: 5 });
  t.same(readUnsettled(root).map(({ txHash }) => txHash), ['bb'], 'a line cut off by a kill was never sent');
  clearSigned(root);
  t.same(readUnsettled(root), []);
  t.end();
});

t.test('reasons of refused readings come from an oracle’s metrics', async (t) => {
  const page = ['# HELP x', 'mmu_readings_total{verdict="ok",rule="none"} 61', 'mmu_readings_total{verdict="ok",rule="R06"} 3', 'mmu_readings_total{verdict="hold",rule="R18"} 1', 'mmu_readings_total{verdict="reject",rule="R05"} 2', ''].join('\n');
  const counts = parseReadingCounts(page);
  t.match(counts, { byVerdict: { ok: 61, flag: 0, hold: 1, reject: 2 }, repeated: 3 });
  t.same(counts.refused.map(({ rule }) => rule), [5, 18]);
  t.equal(await readReadings(['http://127.0.0.1:1']), undefined, 'no oracle answers');
  const milk = { mintedMl: 1_000n, redeemedMl: 250n, supplyMl: 750n, custodyMl: 750n, owedMl: 0n };
  const figures = { height: 7, milk, payments: 2, times: { p50Ms: 10, p95Ms: 20 }, coupons: { earned: 1, spent: 0 }, readings: counts, processes: 11, restarts: 1, memory: { residentMb: 1_000.4, sharedOnceMb: 600 } };
  const text = statusBlock(figures, '12:00:00');
  t.match(text, 'block 7 · 11 processes, 1 restarted, 1000 MB resident (600 MB with shared pages counted once)');
  t.match(text, 'minted 1.000 L · redeemed 0.250 L · supply 0.750 L · custody 0.750 L · gap 0.000 L');
  t.match(text, /2 × R05 reject: The device’s registered key did not sign this\./);
  t.match(statusBlock({ ...figures, readings: undefined, times: undefined, restarts: 0, memory: undefined }, ''), 'no oracle answers at the moment');
});

t.test('a device believes receipts of oracles in force, and nothing else', (t) => {
  const genesisHash = new Uint8Array(32).fill(3);
  const seed = new Uint8Array(32).fill(4);
  const key = ed25519PublicKey(seed);
  const oracles = new Map([[toHex(addressOf(key)), key]]);
  const body = encode(ReceiptBody, { chainTag: chainTag(genesisHash), oracle: addressOf(key), device: new Uint8Array(16), epoch: 1, nextSeq: 5, bitmap: Uint8Array.of(0b10), results: [], timeMs: 1_780_000_000_000 });
  const signed = encode(Receipt, { body, sig: signEd25519(seed, signingBytes('bill/receipt/1', genesisHash, body)) });
  const receipt = readReceipt(genesisHash, oracles, signed);
  t.equal(receipt?.nextSeq, 5);
  t.equal(readReceipt(genesisHash, new Map(), signed), undefined, 'an oracle nobody knows');
  t.equal(readReceipt(new Uint8Array(32), oracles, signed), undefined, 'another network');
  t.equal(readReceipt(genesisHash, oracles, encode(Receipt, { body, sig: new Uint8Array(64) })), undefined, 'not signed');
  t.equal(readReceipt(genesisHash, oracles, new Uint8Array(9)), undefined, 'no receipt');
  if (receipt === undefined) throw new Error('it was read above');
  t.same([4, 5, 6, 7, 8].map((seq) => isStored(receipt, seq)), [true, false, false, true, false], 'below nextSeq, or in the bitmap');
  t.end();
});

t.test('what passes is asked again, what does not is thrown', async (t) => {
  let tries = 0;
  const flaky = (): Promise<number> => (++tries < 3 ? Promise.reject(new ConnectionError('restarting')) : Promise.resolve(tries));
  t.equal(await persist(flaky), 3);
  const refusal = new ApiError({ type: '', title: '', status: 422, detail: '', instance: '', code: 'bad_signature', retryable: false }, '');
  await t.rejects(persist(() => Promise.reject(refusal)), refusal);
  await t.rejects(persist(() => Promise.reject(new ConnectionError('gone')), 0), /gone/);
  t.equal(isPassing(refusal), false);
  t.same(await inParallel([1, 2, 3, 4, 5], 2, (no) => Promise.resolve(no * 2)), [2, 4, 6, 8, 10]);
  t.equal(litresOf('0.300'), 300n);
  t.throws(() => litresOf('much'), /no amount/);
  const memory = memoryOf([process.pid, process.ppid]);
  t.ok(memory === undefined || memory.residentMb > 10, 'undefined where the system has no /proc');
  t.equal(memoryOf([4_194_304]), undefined, 'a process that has ended');
});
