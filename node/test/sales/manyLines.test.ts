/** A month of 100,000 lines: streamed, counted and compared without holding them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { useSha256 } from '@billcoin/protocol';
import { sha256Native } from '../../src/crypto/sha256.ts';
import { LineCounter } from '../../src/sales/manifest.ts';
import { padded, putRow, TABLES } from '../../src/campus/store.ts';
import { openKeyValueLevel } from '../../src/storage/keyValueLevel.ts';
import { openWorld } from '../support/campusWorld.ts';
import { utc } from './support.ts';

// As in a node.
useSha256(sha256Native);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const LINES = 100_000;
const AT_ONCE = 5_000;
/** A line and its row take 500 bytes: all of them would be 50 MB on the heap. */
const GROWTH_MAX_BYTES = 16 * 1_048_576;

t.test('100,000 lines go out as they are read, in flat memory; the manifest is of the same bytes', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-lines-'));
  const store = await openKeyValueLevel(join(folder, 'campus'), (error) => t.fail(String(error)));
  t.teardown(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const world = await openWorld(t, { store, startMs: utc('2026-04-30T12:00:00Z') });
  await world.block();
  const startMs = utc('2026-04-01T00:00:00Z');
  for (let at = 0; at < LINES; at += AT_ONCE) {
    await store.batch(Array.from({ length: AT_ONCE }, (_, i) => {
      const [no, timeMs] = [at + i, startMs + (at + i) * 20_000];
      const txHash = no.toString(16).padStart(64, '0');
      return putRow(TABLES.sale, `${padded(timeMs, 15)}/${padded(no + 1, 15)}/00000`, {
        txHash, timeMs, student: '', keyId: null, sen: '180', wallet: 'bill1q...aaaa', blockHash: txHash, status: 'Final', merchant: '', tillNo: 1, amountMl: '300', couponMl: '0',
      });
    }), { sync: false });
  }
  const exported = await world.campus.sales.exportMonth({ month: '2026-04', tz: 'UTC', bom: false });
  if (!exported.ok) throw new Error(exported.code);
  const counter = new LineCounter();
  collect();
  const before = process.memoryUsage().heapUsed;
  let [highest, rest, count, longest] = [0, '', -1, 0];
  for await (const part of exported.csv as AsyncIterable<string | Buffer>) {
    const lines = (rest + String(part)).split('\r\n');
    rest = lines.pop() ?? '';
    longest = Math.max(longest, String(part).length);
    for (const line of lines) {
      count += 1;
      if (count > 0) counter.add(line, 180n, 300n);
    }
    if (count % AT_ONCE >= 500) continue;
    collect();
    highest = Math.max(highest, process.memoryUsage().heapUsed - before);
  }
  t.equal(count, LINES);
  t.equal(rest, '');
  t.ok(longest < 200_000, 'a page at a time');
  t.ok(highest < GROWTH_MAX_BYTES, `${highest} bytes more at most`);
  const made = await world.campus.sales.manifest({ month: '2026-04', tz: 'UTC' });
  t.match(made, { ok: true, signed: { manifest: { rows: LINES, sumRm: '180000.00', sumLitres: '30000.000', merkleRoot: Buffer.from(counter.sums.merkleRoot).toString('hex') } } });
});
