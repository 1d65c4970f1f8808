/**
 * kill -9 at random moments, again and again on the same folders (consensus page §1.10, invariants I5 and I7): nothing that was accepted is
 * lost, nothing final changes, no transaction is executed twice, no money appears.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { assertReserveWhole, balanceOf, toBase64Url, toHex } from '@billcoin/protocol';
import { verifyDatabase } from '../../src/offline/verifyDb.ts';
import { makeRandom } from '../support/random.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, TxMaker, keyOf, makeTestFolders, type TestFolders } from '../support/testNetwork.ts';

const ROUNDS = 6;
const SEED = 20_261_121;
/** Later than this nothing of interest happens: the lines of a round are final in about 200 ms. */
const KILL_AFTER_MAX_MS = 250;
const TXS_PER_ROUND = 25;

interface Heard {
  readonly accepted: Set<string>;
  readonly final: Map<string, string>;
  readonly contradictions: string[];
}

function startChild({ config }: TestFolders): ChildProcess {
  const file = fileURLToPath(new URL('./crashChild.ts', import.meta.url));
  return spawn(process.execPath, ['--import=tsx', '--conditions=development', file, config.genesis, config.dataDir, config.keyDir], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Feeds a child until it is killed; notes what it said. */
async function oneLife(folders: TestFolders, lines: readonly string[], killAfterMs: number, heard: Heard): Promise<void> {
  const child = startChild(folders);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('the child has pipes');
  stdin.on('error', () => undefined); // it is killed while lines are on their way
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  for await (const line of createInterface({ input: stdout })) {
    const [what = '', id = '', height = '', blockId = ''] = line.split(' ');
    if (what === 'ready') {
      stdin.write(lines.map((text) => `${text}\n`).join(''));
      setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    }
    if (what === 'accepted') heard.accepted.add(id);
    if (what === 'refused') heard.contradictions.push(line);
    if (what === 'final') {
      const place = `${height} ${blockId}`;
      if (heard.final.has(id) && heard.final.get(id) !== place) heard.contradictions.push(line);
      heard.final.set(id, place);
    }
  }
  await gone;
}

void t.test('killed again and again, a node keeps every promise', { timeout: 180_000 }, async (test) => {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 5 } });
  test.teardown(folders.remove);
  const maker = new TxMaker(folders.genesis);
  const payers = Array.from({ length: 5 }, (_, i) => keyOf(`payer ${i}`));

  const first = await runNode(folders.config);
  for (const bytes of maker.mint(10_000_000n)) await submitFinal(first.port, bytes);
  for (const payer of payers) await submitFinal(first.port, maker.transfer(KEYS.farm, payer.address, 1_000_000n));
  await first.stop();

  const random = makeRandom(SEED);
  const heard: Heard = { accepted: new Set(), final: new Map(), contradictions: [] };
  const sent = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const transactions = Array.from({ length: TXS_PER_ROUND }, (_, i) => maker.transfer(payers[i % payers.length] ?? KEYS.farm, KEYS.treasury.address, 100n));
    for (const bytes of transactions) sent.add(maker.parse(bytes).txHash);
    await oneLife(folders, transactions.map(toBase64Url), random() * KILL_AFTER_MAX_MS, heard);
  }
  test.same(heard.contradictions, []);
  test.ok(heard.accepted.size > TXS_PER_ROUND, `${heard.accepted.size} accepted, ${heard.final.size} seen final`);

  const last = await runNode(folders.config);
  const pending = [...heard.accepted];
  const deadline = Date.now() + 20_000;
  while (last.port.poolInfo().transactions > 0 && Date.now() < deadline) await delay(20);
  const places = new Map<string, string[]>();
  for (let height = 1; height <= last.port.tip().height; height++) {
    const block = await last.port.readFinal(height);
    for (const tx of block?.txs ?? []) places.set(tx.txHash, [...(places.get(tx.txHash) ?? []), `${height} ${toHex(block?.blockId ?? new Uint8Array(0))}`]);
  }
  test.same(pending.filter((id) => !places.has(id)), [], 'every accepted transaction is on chain');
  test.same([...places.values()].filter((at) => at.length !== 1), [], 'none is executed twice');
  test.same([...heard.final].filter(([id, place]) => places.get(id)?.[0] !== place), [], 'what was final stays where it was');
  const executed = [...sent].filter((id) => places.has(id)).length;
  test.equal(balanceOf(last.port.state(), KEYS.treasury.address), BigInt(executed) * 100n, 'each counted once');
  assertReserveWhole(last.port.state());
  await last.stop();
  const report = await verifyDatabase(folders.config, folders.genesis, () => undefined);
  test.same(report.problems, []);
});
