/** Peer bugs 32 and 33 (consensus page §4): floods and small pools. What a stranger sends is bounded, what was accepted ends. */
import t, { type Test } from 'tap';
import { POOL_LIMITS } from '../../src/mempool/limits.ts';
import type { TxStatus } from '../../src/ports.ts';
import { PoolWorld } from '../support/poolWorld.ts';
import { makeRandom } from '../support/random.ts';
import { KEYS, keyOf, type Key } from '../support/testNetwork.ts';

const PEOPLE = Array.from({ length: 6 }, (_, i) => keyOf(`person ${i}`));
const STEPS = 400;

/** An ended transaction has one end for ever; a pending one may still come to its end. */
class Ends {
  readonly #seen = new Map<string, string>();
  readonly contradictions: string[] = [];

  note(txHash: string, status: TxStatus | undefined): void {
    const now = status?.status === 'final' ? `final ${status.height}/${status.index}` : (status?.status ?? 'forgotten');
    const before = this.#seen.get(txHash);
    if (before !== undefined && before !== 'pending' && before !== now) this.contradictions.push(`${txHash.slice(0, 8)} was ${before} and is ${now}`);
    this.#seen.set(txHash, now);
  }
}

interface Overload {
  readonly world: PoolWorld;
  readonly accepted: Map<string, Uint8Array>;
  readonly refused: Map<string, string>;
  readonly ends: Ends;
}

async function overload(test: Test): Promise<Overload> {
  const world = await PoolWorld.make({ transactionsMax: 24, bytesMax: 24 * 250, perSenderMax: 8, paysPerTillMax: 6, admittingMax: 8, endedMax: 10_000, recheckPerBlock: 4 }, PEOPLE.map(({ address }) => address));
  test.teardown(() => world.remove());
  const random = makeRandom(33);
  const draw = (below: number): number => Math.floor(random() * below);
  const [accepted, refused, ends] = [new Map<string, Uint8Array>(), new Map<string, string>(), new Ends()];
  const person = (): Key => PEOPLE[draw(PEOPLE.length)]!;
  let invoices = 0;
  const invoice = (): Uint8Array => world.maker.invoice(`order ${invoices}`, { expiresInS: 600 });
  const make = (): Uint8Array => {
    if (draw(3) > 0) return world.maker.transfer(person(), person().address, BigInt(1 + draw(20_000)), { validUntilMs: world.nowMs + 2_000 + draw(20_000) });
    if (draw(3) === 0) invoices += 1;
    return world.maker.pay(person(), invoice());
  };
  for (let step = 0; step < STEPS; step++) {
    // Bursts, the same again, and what was refused before: from many at once.
    const burst = Array.from({ length: 1 + draw(6) }, () => {
      const again = draw(5) === 0 ? [...accepted.values()][draw(accepted.size)] : undefined;
      return again ?? make();
    });
    const answers = await Promise.all(burst.map(async (bytes) => ({ bytes, answer: await world.pool.submit(bytes) })));
    for (const { bytes, answer } of answers) {
      const { txHash } = world.maker.parse(bytes);
      if (answer.ok) accepted.set(txHash, bytes);
      else refused.set(txHash, answer.refusal.code);
      if (answer.ok) ends.note(txHash, answer.status);
    }
    const info = world.pool.info();
    if (info.transactions > 24 || info.bytes > 24 * 250) test.fail(`${info.transactions} transactions of ${info.bytes} bytes wait`);
    world.nowMs += 200;
    if (draw(4) === 0) world.poolBlock();
    // Another proposer's block: it has some of ours, and somebody else's payment of the newest invoice.
    if (draw(8) === 0) world.pool.afterBlock(world.block([world.maker.parse(world.maker.pay(person(), invoice())), ...world.pool.offer(2)]));
    if (draw(20) === 0) world.nowMs += 10_000; // nobody proposes for a while
    if (draw(40) === 0) await world.reopen();
  }
  return { world, accepted, refused, ends };
}

void t.test('peer bug 33, CometBFT #3414 #4927 #7723 #9000: in small pools under overload each accepted transaction ends in exactly one way', { timeout: 120_000 }, async (test) => {
  const { world, accepted, refused, ends } = await overload(test);
  test.ok(accepted.size > 100 && refused.size > 100, `${accepted.size} accepted, ${refused.size} refused`);
  const codes = new Set(refused.values());
  for (const code of ['pool_full', 'too_many_pending']) test.ok(codes.has(code), `${code} of ${[...codes].join(', ')}`);
  for (let left = 100; world.pool.info().transactions > 0 && left > 0; left--) {
    world.nowMs += 5_000;
    world.poolBlock();
  }
  test.equal(world.pool.info().transactions, 0, 'none waits for ever');
  const counts = new Map<string, number>();
  for (const txHash of accepted.keys()) {
    const status = await world.pool.status(txHash);
    ends.note(txHash, status);
    counts.set(status?.status ?? 'forgotten', (counts.get(status?.status ?? 'forgotten') ?? 0) + 1);
  }
  test.same(ends.contradictions, [], 'an end is for ever');
  test.comment([...counts].map(([status, count]) => `${status} ${count}`).join(', '));
  test.notOk(counts.has('forgotten') || counts.has('pending'));
  test.ok((counts.get('final') ?? 0) > 50 && counts.has('superseded') && counts.has('expired'), 'all three ends occur');
});

void t.test('peer bug 33, CometBFT #7723: what was refused by a full pool is taken when there is room, under the same id', async (test) => {
  const world = await PoolWorld.make({ transactionsMax: 3, payOnlyThirds: 0 }, PEOPLE.map(({ address }) => address));
  test.teardown(() => world.remove());
  const txs = Array.from({ length: 5 }, (_, i) => world.maker.transfer(PEOPLE[i]!, KEYS.treasury.address, 1n));
  const first = [];
  for (const bytes of txs) first.push(await world.pool.submit(bytes));
  test.same(first.map((answer) => (answer.ok ? 'pending' : answer.refusal.code)), ['pending', 'pending', 'pending', 'pool_full', 'pool_full']);
  world.poolBlock();
  for (const bytes of txs) test.equal((await world.pool.submit(bytes)).ok, true);
  world.poolBlock();
  for (const bytes of txs) test.equal((await world.pool.status(world.maker.parse(bytes).txHash))?.status, 'final');
});

void t.test('peer bug 33, CometBFT: bytes count as they are stored, framing included, against the limit of the pool', async (test) => {
  const bytesMax = 1_000;
  const world = await PoolWorld.make({ bytesMax, payOnlyThirds: 0 }, PEOPLE.map(({ address }) => address));
  test.teardown(() => world.remove());
  let taken = 0;
  for (let i = 0; i < 30; i++) {
    const bytes = world.maker.transfer(PEOPLE[i % PEOPLE.length]!, KEYS.treasury.address, 1n);
    const answer = await world.pool.submit(bytes);
    if (answer.ok) taken += bytes.length;
    else test.equal(answer.refusal.code, 'pool_full');
  }
  test.equal(world.pool.info().bytes, taken);
  test.ok(taken <= bytesMax && taken > bytesMax - 400, `${taken} of ${bytesMax} bytes`);
  test.ok(POOL_LIMITS.bytesMax >= 2 ** 20, 'in operation a full block fits many times');
});
