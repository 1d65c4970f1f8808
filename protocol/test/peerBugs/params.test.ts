/**
 * Peer bug 5 (consensus page §4, ASA-2024-001): a parameter that was accepted must not stop the chain. Each at each end of
 * its bounds, all at one end, and drawn vectors: whatever loads as a genesis runs ten blocks of payments, and ten heights of
 * four validators on its timeouts.
 */
import t from 'tap';
import { AMOUNT_MAX, assertReserveWhole, DEFAULT_PARAMS, decode, encode } from '../../src/index.ts';
import { ParamsRow } from '../../src/wire/state.ts';
import { makeNet } from '../consensus/net.ts';
import { randomOf } from '../support/random.ts';
import { KEYS, keyOf, World } from '../support/world.ts';

type Params = typeof DEFAULT_PARAMS;
type Key = keyof Params;
const KEYS_OF_PARAMS = Object.keys(DEFAULT_PARAMS) as Key[];
const BLOCKS = 10;
const VECTORS = 40;

const isValue = (key: Key, value: number | bigint): boolean => {
  try {
    return decode(ParamsRow, encode(ParamsRow, { ...DEFAULT_PARAMS, [key]: value })).ok;
  } catch {
    return false; // the encoder refuses what is out of bounds as a bug of the caller
  }
};

/** The end of the bounds of a parameter on one side of its default, found by halving: the table of the wire is not asked. */
function bound(key: Key, isHigh: boolean): number | bigint {
  const start = DEFAULT_PARAMS[key];
  const limit = typeof start === 'bigint' ? AMOUNT_MAX : BigInt(Number.MAX_SAFE_INTEGER);
  let [good, bad] = [BigInt(start), isHigh ? limit + 1n : -1n];
  const typed = (value: bigint): number | bigint => (typeof start === 'bigint' ? value : Number(value));
  while (good - bad !== 1n && bad - good !== 1n) {
    const middle = (good + bad) / 2n;
    if (isValue(key, typed(middle))) good = middle;
    else bad = middle;
  }
  return typed(good);
}

const ENDS = new Map(KEYS_OF_PARAMS.map((key) => [key, [bound(key, false), bound(key, true)] as const]));

function vectors(): readonly (readonly [what: string, over: Partial<Params>])[] {
  const at = (pick: (key: Key, low: number | bigint, high: number | bigint) => number | bigint): Partial<Params> => Object.fromEntries([...ENDS].map(([key, [low, high]]) => [key, pick(key, low, high)]));
  const random = randomOf(5);
  const drawn = (_key: Key, low: number | bigint, high: number | bigint): number | bigint => {
    const end = random.below(4);
    if (end < 2) return end === 0 ? low : high;
    const part = BigInt(random.below(1_000));
    const value = BigInt(low) + ((BigInt(high) - BigInt(low)) * part) / 1_000n;
    return typeof low === 'bigint' ? value : Number(value);
  };
  return [
    ...[...ENDS].flatMap(([key, ends]) => ends.map((value, i) => [`${key} at its ${i === 0 ? 'least' : 'most'}, ${value}`, { [key]: value }] as const)),
    ['all at their least', at((_key, low) => low)], ['all at their most', at((_key, _low, high) => high)],
    ...Array.from({ length: VECTORS }, (_, i) => [`vector ${i}`, at(drawn)] as const),
  ];
}

/** Ten blocks with everything a campus does on an ordinary day; what a rule refuses is left out, nothing throws. */
function runLedger(params: Partial<Params>): number | undefined {
  let world: World;
  try {
    world = new World({ params });
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('{')) return undefined; // the genesis is refused with a fault
    throw error;
  }
  const payer = keyOf('payer');
  world.mint(1_000_000n);
  for (let i = 1; i < BLOCKS; i++) {
    const invoice = world.invoice(KEYS.till1, 1, 300n, 180n, `order ${i}`);
    world.block([world.transfer(KEYS.farmA, payer.address, 5_000n), world.pay(payer, invoice), world.transfer(payer, KEYS.vet.address, 1n)], i % 3 === 0 ? 86_400_000 : 1_000);
  }
  assertReserveWhole(world.tip.state);
  return world.tip.height;
}

function runConsensus(params: Params): boolean {
  const net = makeNet({ powers: [1, 1, 1, 1], params, heights: BLOCKS, busy: true });
  const all = [0, 1, 2, 3];
  all.forEach((i) => net.boot(i));
  const perHeightMs = Math.max(params.minBlockIntervalMs, params.idleBlockIntervalMs) + 60_000;
  return net.run(() => net.decidedBy(all, BLOCKS), BLOCKS * perHeightMs);
}

t.test('peer bug 5, ASA-2024-001: any vector of parameters that validates runs ten blocks', async (t) => {
  let [ran, refused] = [0, 0];
  for (const [what, over] of vectors()) {
    try {
      const height = runLedger(over);
      if (height === undefined) {
        refused += 1;
        continue;
      }
      ran += 1;
      if (height !== BLOCKS) t.fail(`${what}: ${height} blocks`);
      if (!runConsensus({ ...DEFAULT_PARAMS, ...over })) t.fail(`${what}: four validators do not decide`);
    } catch (error) {
      t.fail(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, { over: JSON.stringify(over, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) });
    }
  }
  t.comment(`${ran} vectors ran, ${refused} were refused at genesis`);
  t.ok(ran >= 2 * KEYS_OF_PARAMS.length - 4, `${ran} ran`);
});
