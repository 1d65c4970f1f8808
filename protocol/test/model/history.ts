/** Plays a random history on the implementation and on the naive model side by side, and holds every block to the properties of SPEC §8. */
import { ok, deepEqual, equal } from 'node:assert/strict';
import {
  applyBlock, assertReserveWhole, buildBlock, buildTree, commitBlock, encodeChange, faultCode, FlatState, genesisTip, makeChain, parseTx, StateTree, toHex, type Chain, type Executed, type ParsedTx, type Tip,
} from '../../src/index.ts';
import { BlockDraft } from '../../src/ledger/executeBlock.ts';
import { verifyFast, World } from '../support/world.ts';
import type { Action } from './actions.ts';
import { STUDENTS, TREASURY } from './cast.ts';
import { differences } from './compare.ts';
import { bookEvents, type Book } from './eventBook.ts';
import { naiveLedgerOf } from './naiveGenesis.ts';
import type { Verdict } from './naiveLedger.ts';
import { hex } from './naiveState.ts';
import { Player, type Sent } from './player.ts';

/** What histories met: a run that never saw a kind done, or a fault, has not tested it. */
export type Seen = Map<string, number>;

/** The history goes on over restarts; the fresh node that follows it has none. */
const RESTART_EVERY_BLOCKS = 7;

export class History {
  /** A ceiling that a good day reaches. */
  readonly world = new World({ ceilingMl: 900_000n });
  readonly model = naiveLedgerOf(this.world.genesis.spec);
  readonly player: Player;
  readonly blocks: Uint8Array[] = [];
  readonly seen: Seen;
  #lastDone: readonly Sent[] = [];

  constructor(seen: Seen) {
    this.seen = seen;
    this.player = new Player(this.world, this.model);
  }

  /** A minted lot and money in every pocket, so that a history begins where something can happen. */
  openCampus(): void {
    const { player } = this;
    player.act({ do: 'open', plant: 0, meter: 0, lengthL: 400, claimOff: 0, fromOff: 0, days: 9, farms: 0, weight: 3, twist: 'right' });
    player.act({ do: 'attestAll', lot: 0, first: 0, count: 4, say: 'claim' });
    this.block('1 s');
    for (const [index] of STUDENTS.entries()) player.act({ do: 'transfer', from: 6, to: index, permille: 120, twist: 'right' });
    for (const to of [4, 5, 7, 9]) player.act({ do: 'transfer', from: 6, to, permille: 120, twist: 'right' });
    this.block('1 s');
    ok(this.model.balance(hex(TREASURY.address)) > 0n, 'the campus is open');
  }

  play(actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.do === 'block') this.block(action.gap);
      else this.player.act(action);
    }
    this.block('1 s');
  }

  /** Closes the block that was being filled and opens one `gap` later. */
  block(gap: Extract<Action, { do: 'block' }>['gap']): void {
    const { world, model, player } = this;
    const offered = player.pending.splice(0);
    // What was done in the block before does nothing a second time.
    const again = this.#lastDone;
    const { now } = player;
    model.begin(now);
    const before = model.book();
    const verdicts = offered.map((one) => model.apply(one.naive));
    const draft = new BlockDraft(world.chain, world.tip, now);
    const included = offered.filter((one, index) => this.#judge(draft, one, verdicts[index] as Verdict));
    for (const one of again) ok(draft.add(world.parse(one.bytes)) !== undefined, `${one.label} was executed twice`);
    const after = model.book();
    model.end();

    const executed = this.#commit(offered, included, now);
    for (const [index, one] of included.entries()) {
      const verdict = verdicts[offered.indexOf(one)] as Verdict;
      const code = executed.codes[index] as number;
      ok(verdict.what === 'done' ? code === 0 : verdict.why.has(faultCode(code) as never), `${one.label}: the block says ${code}`);
    }
    this.#checkEvents(executed, before, after);
    deepEqual(differences(model, world.tip.state, now), [], `after block ${world.tip.height}`);
    assertReserveWhole(world.tip.state);
    this.#lastDone = included;
    if (this.blocks.length % RESTART_EVERY_BLOCKS === 0) this.#restart();
    player.advance(gap);
  }

  /** Fees and events of the block come to what the model booked for its transactions. */
  #checkEvents({ events }: Executed, before: Book, after: Book): void {
    const book: Book = new Map();
    for (const { payer, fee } of this.model.flatFees) {
      book.set(payer, (book.get(payer) ?? 0n) - fee);
      book.set('fees', (book.get('fees') ?? 0n) + fee);
    }
    for (const ofTx of events) bookEvents(ofTx, book);
    for (const name of new Set([...book.keys(), ...after.keys()])) equal(book.get(name) ?? 0n, (after.get(name) ?? 0n) - (before.get(name) ?? 0n), `events of block ${this.world.tip.height}: ${name}`);
  }

  /** One transaction on both sides: included or not, with which code. */
  #judge(draft: BlockDraft, one: Sent, verdict: Verdict): boolean {
    const parsed = parseTx(this.world.chain, one.bytes);
    const refusal = parsed.ok ? draft.add(parsed.value) : parsed.fault;
    const code = refusal?.code ?? faultCode(draft.applied.at(-1)?.code ?? 0) ?? 'done';
    const what = refusal !== undefined ? 'out' : code === 'done' ? 'done' : 'fault';
    const expected = verdict.what === 'done' ? 'done' : `${verdict.what} ${[...verdict.why].join(' or ')}`;
    ok(what === verdict.what && (verdict.what === 'done' || verdict.why.has(code as never)), `${one.label}: state says ${what} ${code}, model says ${expected}`);
    for (const name of [`${one.naive.body.kind.case} ${what}`, code]) this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
    return refusal === undefined;
  }

  /** Builds, gives up, applies; a proposal that was given up leaves no trace. */
  #commit(offered: readonly Sent[], included: readonly Sent[], now: number): Executed {
    const { world } = this;
    const { chain, tip } = world;
    const parsed = (txs: readonly Sent[]): readonly ParsedTx[] => txs.flatMap((one) => {
      const tx = parseTx(chain, one.bytes);
      return tx.ok ? [tx.value] : [];
    });
    const proposing = { proposerIndex: 0, round: 0 };
    const other = buildBlock(chain, tip, parsed(offered.slice(offered.length >> 1)), now + 1, proposing);
    // Those that are refused are offered as well: they leave nothing behind in the block.
    const built = buildBlock(chain, tip, parsed(offered), now, proposing);
    deepEqual(built.txs.map((tx) => tx.txHash), included.map((one) => one.naive.id), 'the builder takes what the model lets in');
    chain.tree.release(other.treeVersion);
    chain.tree.release(built.treeVersion);
    const first = this.#apply(chain, tip, built.blockBytes);
    chain.tree.release(first.treeVersion);
    const executed = this.#apply(chain, tip, built.blockBytes);
    equal(toHex(executed.blockId), toHex(built.blockId), 'applied, given up and applied again it is the same block');
    world.tip = commitBlock(chain, tip, executed, world.certificate(executed));
    this.blocks.push(built.blockBytes);
    const again = applyBlock(chain, world.tip, built.blockBytes);
    ok(!again.ok, 'a block is applied once');
    return executed;
  }

  #apply(chain: Chain, tip: Tip, bytes: Uint8Array): Executed {
    const applied = applyBlock(chain, tip, bytes);
    if (!applied.ok) throw new Error(`a block that was built here is refused: ${JSON.stringify(applied.fault)}`);
    return applied.value;
  }

  /** A fresh node that gets the same blocks, and a state that is rebuilt from its bytes: the same rows and root to the byte. */
  replayOnFreshNode(): void {
    const { world } = this;
    const chain = makeChain(world.genesis, verifyFast, new StateTree());
    let tip = genesisTip(chain, world.genesis);
    for (const bytes of this.blocks) {
      const executed = this.#apply(chain, tip, bytes);
      tip = commitBlock(chain, tip, executed, world.certificate(executed));
    }
    deepEqual(bytesOf(tip.state), bytesOf(world.tip.state), 'the same rows');
    equal(toHex(chain.tree.root(tip.treeVersion)), toHex(world.chain.tree.root(world.tip.treeVersion)), 'the same root');
    const rebuilt = buildTree(tip.state.all().map(encodeChange).map(({ key, value }) => ({ key, value: value ?? new Uint8Array(0) })));
    equal(toHex(rebuilt.tree.root(rebuilt.version)), toHex(chain.tree.root(tip.treeVersion)), 'the root of the rows alone');
  }

  /** Stops and starts the node: its state is loaded from the bytes it stored, in no particular order. */
  #restart(): void {
    const { world } = this;
    const state = new FlatState();
    for (const line of bytesOf(world.tip.state).reverse()) {
      const [key = '', value = ''] = line.split('=');
      ok(state.load(Uint8Array.from(Buffer.from(key, 'hex')), Uint8Array.from(Buffer.from(value, 'hex'))), 'a stored row is read back');
    }
    world.tip = { ...world.tip, state };
  }
}

/** Key and value of every row, by key. */
export function bytesOf(state: FlatState): string[] {
  return state.all().map(encodeChange).map(({ key, value }) => `${toHex(key)}=${toHex(value ?? new Uint8Array(0))}`).sort();
}
