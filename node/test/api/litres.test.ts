/**
 * No sequence of requests moves a litre outside the ledger's rules (api page §5). Seeded crowds send right, wrong, foreign and
 * repeated requests to every route that touches money; after each block
 *   - the naive model of the law finds every transaction done or refused for the same reason, and the same balances, points,
 *     coupons, records, batches and pools as the state has,
 *   - the reserve equation holds over the whole state, and no account exists that the model does not know,
 *   - whoever has less than before has signed: with the account's own key, or with that of a till whose merchant it is.
 * Nothing but a block changes the state, whatever the API answers; and what the API says at the end is what the chain says.
 */
import t, { type Test } from 'tap';
import { addressOf, assertReserveWhole, formatAddress, formatLitres, ROWS, toHex, verifyEd25519, type FlatState } from '@billcoin/protocol';
import { naiveLedgerOf } from '../../../protocol/test/model/naiveGenesis.ts';
import type { NaiveLedger } from '../../../protocol/test/model/naiveLedger.ts';
import type { FinalBlock } from '../../src/ports.ts';
import { openWorld, type World } from '../support/campusWorld.ts';
import { Crowd, FUNDS_ML } from '../support/crowd.ts';
import { judgeBlock, signersOf, type Network } from '../support/judgeBlock.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { makeTestGenesis } from '../support/testNetwork.ts';

const SEEDS = [1, 2];
const BLOCKS = 120;
const REQUESTS_PER_BLOCK = 7;
const START_MS = Date.UTC(2026, 3, 13, 4, 0, 0);
/** Stake has a model of its own (protocol/test/model/naiveStake.ts): no epoch ends here. */
const NO_EPOCH = { stakeEpochMs: 86_400_000 };

function balancesOf(state: FlatState): ReadonlyMap<string, bigint> {
  return new Map([...state.rows(ROWS.account)].map(({ id, value }) => [id, value.balanceMl]));
}

/** Accounts that a block left with less although nobody who may spend them signed anything in it. */
function unsignedLosses(network: Network, block: FinalBlock, before: ReadonlyMap<string, bigint>, state: FlatState): readonly string[] {
  const signers = new Set(block.txs.flatMap((tx) => signersOf(network, tx).keys).map(toHex));
  const mayBeSpentBy = new Set([...signers].map((key) => toHex(addressOf(Uint8Array.from(Buffer.from(key, 'hex'))))));
  for (const { value } of state.rows(ROWS.till)) if (signers.has(toHex(value.publicKey))) mayBeSpentBy.add(toHex(value.merchant));
  const after = balancesOf(state);
  return [...before].filter(([account, ml]) => (after.get(account) ?? 0n) < ml && !mayBeSpentBy.has(account)).map(([account]) => account);
}

interface Watch {
  readonly wrong: string[];
  /** How often what became of a transaction in a block. */
  readonly seen: Map<string, number>;
  readonly model: NaiveLedger;
  readonly last: { balances: ReadonlyMap<string, bigint>; root: string };
}

/** Holds every block of the chain against the rules as it becomes final. */
function watch(chain: MemoryChain): Watch {
  const network = { genesisHash: chain.genesisHash, verify: verifyEd25519 };
  const model = naiveLedgerOf(chain.genesis.spec);
  const seen = new Map<string, number>();
  const wrong: string[] = [];
  const last = { balances: balancesOf(chain.state()), root: '' };
  chain.onFinal((block) => {
    const state = chain.state();
    wrong.push(...judgeBlock(network, model, block, state));
    wrong.push(...unsignedLosses(network, block, last.balances, state).map((account) => `${account} lost litres at height ${block.height} and signed nothing`));
    last.balances = balancesOf(state);
    for (const [account, ml] of last.balances) if (ml !== 0n && !model.balances.has(account)) wrong.push(`${account} has ${ml} mL that the model knows nothing of`);
    const { supplyMl, heldMl, custodyMl, owedMl } = assertReserveWhole(state);
    if (supplyMl !== model.supply || supplyMl !== heldMl || supplyMl !== custodyMl + owedMl) wrong.push(`supply ${supplyMl} at height ${block.height}, the model says ${model.supply}`);
    for (const tx of block.txs) {
      const what = `${tx.body.kind.case} ${tx.code === 0 ? 'done' : 'refused'}`;
      seen.set(what, (seen.get(what) ?? 0) + 1);
    }
  });
  return { wrong, seen, model, last };
}

/** Balances, reserve and orders as the API tells them. */
async function whatApiSays(t: Test, world: World, { model, last }: Watch): Promise<void> {
  const auditor = await world.as('auditor');
  for (const [account, ml] of last.balances) {
    const { litres } = (await world.get(`/accounts/${formatAddress(Uint8Array.from(Buffer.from(account, 'hex')))}`, auditor)).json as { litres: string };
    if (litres !== formatLitres(ml)) t.fail(`the API shows ${litres} of ${account}, not ${formatLitres(ml)}`);
  }
  const { supply } = (await world.get('/reserve')).json as { supply: string };
  t.equal(supply, formatLitres(model.supply));
  const finance = await world.as('finance');
  const states = new Map<string, number>();
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = (await world.get(`/orders?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`, finance)).json as { data: readonly { tillNo: number; ref: string; status: string }[]; nextCursor: string | null };
    for (const { tillNo, ref, status } of page.data) {
      const record = model.records.get(`${tillNo}/${ref}`);
      const isPaid = record?.state === 'paid';
      const saysPaid = ['PAID_READY', 'COLLECTED', 'PART_REFUNDED', 'REFUNDED'].includes(status);
      if (isPaid !== saysPaid || (record?.state === 'void') !== (status === 'CANCELLED')) t.fail(`order ${tillNo}/${ref} is ${status}, its invoice ${record?.state ?? 'open'}`);
      states.set(status, (states.get(status) ?? 0) + 1);
    }
    cursor = page.nextCursor;
  }
  t.comment([...states].map(([status, count]) => `${status} ${count}`).join(', '));
}

t.test('no sequence of requests moves a litre outside the rules of the ledger', { timeout: 240_000 }, async (t) => {
  const seen = new Map<string, number>();
  let couponsSpent = 0;
  for (const seed of SEEDS) {
    const chain = new MemoryChain(makeTestGenesis(START_MS, NO_EPOCH));
    const watching = watch(chain);
    const world = await openWorld(t, { chain });
    const crowd = await Crowd.open(world, seed);
    for (let block = 0; block < BLOCKS && watching.wrong.length === 0; block++) {
      const before = balancesOf(chain.state());
      for (let i = 0; i < REQUESTS_PER_BLOCK; i++) await crowd.act();
      t.strictSame(balancesOf(chain.state()), before, 'requests alone move nothing');
      await crowd.block();
    }
    if (!t.same(watching.wrong, [], `seed ${seed}: ${crowd.told.length} requests, ${chain.tip().height} blocks`)) t.comment(crowd.told.slice(-30).join('\n'));
    await whatApiSays(t, world, watching);
    couponsSpent += [...watching.model.coupons.values()].filter(({ state }) => state === 'spent').length;
    for (const [what, count] of watching.seen) seen.set(what, (seen.get(what) ?? 0) + count);
  }
  t.comment([...seen].map(([what, count]) => `${what} ${count}`).join(', '));
  for (const what of ['pay done', 'transfer done', 'transfer refused', 'voidInvoice done', 'refund done', 'redeem done', 'openBatch done', 'attest done', 'revokeTill done']) t.ok((seen.get(what) ?? 0) > 0, `${what}: ${seen.get(what) ?? 0}`);
  t.ok(couponsSpent > 0, `${couponsSpent} coupons were spent`);
});

t.test('the judge sees a litre that moved by itself and a loss that nobody signed', async (t) => {
  const chain = new MemoryChain(makeTestGenesis(START_MS, NO_EPOCH));
  const watching = watch(chain);
  const world = await openWorld(t, { chain });
  const { students: [ali] } = await Crowd.open(world, 1);
  t.same(watching.wrong, []);
  const account = toHex(ali.address);
  watching.model.add(account, 1n);
  watching.last.balances = new Map([...watching.last.balances, [account, FUNDS_ML + 1n]]);
  await world.block();
  t.match(watching.wrong.join('\n'), new RegExp(`balance of ${account}: state "${FUNDS_ML}", model "${FUNDS_ML + 1n}"`));
  t.match(watching.wrong.join('\n'), new RegExp(`${account} lost litres at height \\d+ and signed nothing`));
});
