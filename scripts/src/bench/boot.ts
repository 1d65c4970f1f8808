/**
 * A node's start with many accounts: rows are read from disk with their checksums, decoded, put into the flat state and
 * into the tree, whose root is then compared (consensus page §3: 10^6 rows in at most 10 s). `npm run bench -- boot`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode, equalBytes, rowKeyBytes, ROWS, StateTree, stateRows, toHex, useSha256, type ByteChange } from '@billcoin/protocol';
import { hashPairsNative, loadRows, makeLog, makeStateStore, openLevelStore, sha256Native } from '@billcoin/node';

const SIZES = [100_000, 1_000_000];
const FLUSH_ROWS = 50_000;

export interface BootBench {
  readonly rows: number;
  readonly seconds: number;
  readonly residentMb: number;
}

function accountRow(no: number): ByteChange {
  const address = new Uint8Array(20);
  new DataView(address.buffer).setUint32(16, no);
  return { key: rowKeyBytes(ROWS.account, toHex(address)), value: encode(stateRows.AccountRow, { balanceMl: BigInt(1_000 + no) }) };
}

async function bootWith(rows: number): Promise<BootBench> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-bench-'));
  const open = async () => openLevelStore({ name: 'state', folder, onFailure: (failure) => { throw failure; } });
  const mark = { height: 1, blockId: new Uint8Array(32), stateRoot: new Uint8Array(32), flushNo: 1 };
  try {
    const written = new StateTree(hashPairsNative);
    let version = written.empty();
    const writing = await open();
    for (let from = 0; from < rows; from += FLUSH_ROWS) {
      const chunk = Array.from({ length: Math.min(FLUSH_ROWS, rows - from) }, (_, i) => accountRow(from + i));
      await makeStateStore(writing).flush(chunk, mark, undefined);
      const next = written.update(version, chunk);
      written.release(version);
      version = next;
    }
    await writing.close();
    const reading = await open();
    const tree = new StateTree(hashPairsNative);
    const startMs = performance.now();
    const loaded = await loadRows(tree, makeStateStore(reading), makeLog({ level: 'silent', nodeName: 'bench' }));
    const seconds = (performance.now() - startMs) / 1_000;
    await reading.close();
    if (loaded === undefined || loaded.state.size !== rows || !equalBytes(tree.root(loaded.treeVersion), written.root(version))) throw new Error('the loaded state is another one');
    return { rows, seconds, residentMb: process.memoryUsage.rss() / 1_048_576 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One after the other; half a minute and 1 GB. */
export async function benchBoot(sizes: readonly number[] = SIZES): Promise<readonly BootBench[]> {
  useSha256(sha256Native);
  const results: BootBench[] = [];
  for (const rows of sizes) results.push(await bootWith(rows));
  return results;
}

export function formatBootBench(results: readonly BootBench[]): string {
  return results.map(({ rows, seconds, residentMb }) => `${rows} accounts: flat state and tree from disk in ${seconds.toFixed(2)} s, root checked; ${residentMb.toFixed(0)} MB resident with the tree that was written`).join('\n');
}
