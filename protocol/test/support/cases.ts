/** What the tests of single kinds share: a world with money, verdicts of the pool, and the usual purchases. */
import { checkTx, parseTx, ROWS, type FaultCode, type ParsedTx } from '../../src/index.ts';
import { KEYS, keyOf, World, type Key } from './world.ts';

export const alice = keyOf('alice');
export const bob = keyOf('bob');

/** A world with money: 1,000 L minted, Alice, Bob and the cafeteria hold some. */
export function rich(...overrides: ConstructorParameters<typeof World>): World {
  const world = new World(...overrides);
  world.mint(1_000_000n);
  world.block([alice, KEYS.cafeteria].map((to) => world.transfer(KEYS.farmA, to.address, 100_000n)).concat(world.transfer(KEYS.farmA, bob.address, 1_000n)));
  return world;
}

/** Code of the refusal at admission, or 'ok'. */
export function verdict(world: World, bytes: Uint8Array, afterMs = 1_000): FaultCode | 'ok' {
  const parsed = parseTx(world.chain, bytes);
  if (!parsed.ok) return parsed.fault.code;
  const checked = checkTx(world.chain, world.tip.state, parsed.value, { height: world.tip.height + 1, timeMs: world.tip.timeMs + afterMs, prevTimeMs: world.tip.timeMs });
  return checked.ok ? 'ok' : checked.fault.code;
}

/** Changes fields of a row behind the back of the rules: for states that take other kinds to reach. */
export function setRow(world: World, type: { readonly name: string }, id: string, over: object): void {
  const row = Object.values(ROWS).find((candidate) => candidate.name === type.name) as typeof ROWS.till;
  world.tip.state.apply([{ type: row as never, id, value: { ...(world.tip.state.get(row, id) as object), ...over } }]);
}

/** Buys `count` cartons of 300 mL at the cafeteria; returns the Pay transactions. */
export function buy(world: World, count: number, label: string, payer: Key = alice): readonly ParsedTx[] {
  const txs = Array.from({ length: count }, (_, index) => world.pay(payer, world.invoice(KEYS.till1, 1, 300n, 180n, `${label} ${index}`)));
  world.block(txs);
  return txs.map((bytes) => world.parse(bytes));
}

/** A Refund of a Pay at till 1. */
export function refundOf(world: World, pay: ParsedTx, amountMl: bigint, by: Key = KEYS.cafeteria): Uint8Array {
  return world.tx(by, { case: 'refund', value: { tillNo: 1, ref: (pay.invoice as NonNullable<ParsedTx['invoice']>).ref, amountMl } });
}
