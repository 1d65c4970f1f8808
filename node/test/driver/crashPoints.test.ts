/**
 * A crash at every durable step, before and after it (consensus page §1.10, TR6): the restarted node goes on, sends the
 * same bytes again or nothing, and never another vote for the same place.
 */
import t from 'tap';
import { ProposalBody, StateTree, commitBlock, decode, genesisTip, makeChain, parseVote, toHex, verifyEd25519, type ParsedTx } from '@billcoin/protocol';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { nativeSigner } from '../../src/crypto/nativeSigner.ts';
import { openSignGuard } from '../../src/crypto/signGuard.ts';
import { Driver } from '../../src/driver.ts';
import { makeLog } from '../../src/log.ts';
import type { FinalBlock, PeerMessage } from '../../src/ports.ts';
import { makeBlockStore } from '../../src/storage/blockStore.ts';
import { makeChainIndex } from '../../src/storage/chainIndex.ts';
import { openDataFolder } from '../../src/storage/dataFolder.ts';
import { Flusher } from '../../src/storage/flusher.ts';
import { recover } from '../../src/storage/recovery.ts';
import { makeStateStore } from '../../src/storage/stateStore.ts';
import { KEYS, TxMaker, makeTestFolders, type TestFolders } from '../support/testNetwork.ts';

type Step = 'body' | 'guard' | 'certificate' | 'flush';

/** Lets `allowed` durable steps happen; the next one crashes, before or after it is done. */
class Fuse {
  #left: number;
  readonly #before: boolean;
  blownAt: Step | undefined;

  constructor(allowed: number, before: boolean) {
    this.#left = allowed;
    this.#before = before;
  }

  wrap<A extends readonly unknown[]>(step: Step, write: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
    return async (...args) => {
      if (this.blownAt !== undefined) throw new Error('the process is dead');
      const blows = this.#left-- === 0;
      if (blows) this.blownAt = step;
      if (blows && this.#before) throw new Error(`crash before ${step}`);
      await write(...args);
      if (blows) throw new Error(`crash after ${step}`);
    };
  }
}

/** The power goes after the guard record of a proposal, before its body has reached the disk. */
class LostBody extends Fuse {
  constructor() {
    super(Number.MAX_SAFE_INTEGER, false);
  }

  override wrap<A extends readonly unknown[]>(step: Step, write: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
    if (step === 'guard') return write;
    return () => new Promise((_resolve, reject) => void setTimeout(() => reject(new Error('crash before body')), LOST_BODY_AFTER_MS));
  }
}

/** Long enough for the guard record that is written beside the body. */
const LOST_BODY_AFTER_MS = 300;

/** Everything put on the wire in all lives: (kind, height, round) → bodies. */
type Wire = Map<string, Set<string>>;

function note(wire: Wire, message: PeerMessage): void {
  const entry = placeOf(message);
  if (entry !== undefined) wire.set(entry.place, (wire.get(entry.place) ?? new Set()).add(toHex(entry.body)));
}

function placeOf(message: PeerMessage): { readonly place: string; readonly body: Uint8Array } | undefined {
  if (message.kind === 'vote') {
    const vote = parseVote(message.vote);
    return vote.ok ? { place: `${vote.value.type} ${vote.value.height} ${vote.value.round}`, body: message.vote.body } : undefined;
  }
  if (message.kind !== 'proposal') return undefined;
  const { body } = message.proposal;
  const proposal = decode(ProposalBody, body);
  return proposal.ok ? { place: `proposal ${proposal.value.height} ${proposal.value.round}`, body } : undefined;
}

interface Life {
  readonly finals: readonly FinalBlock[];
  readonly height: number;
}

/** One life: until a block with the transaction is final, or the fuse blows. Nothing is flushed at its end. */
async function live(folders: TestFolders, tx: ParsedTx, fuse: Fuse, wire: Wire): Promise<Life> {
  const { config, genesis } = folders;
  const chain = makeChain(genesis, verifyEd25519, new StateTree());
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  const [blocks, state, index] = [makeBlockStore(folder.blocks), makeStateStore(folder.state), makeChainIndex(folder.index)];
  const log = makeLog({ level: 'silent', nodeName: 'test' });
  const { tip, flushNo } = await recover({ chain, genesis: () => genesisTip(chain, genesis), blocks, state, index, log });
  const guard = await openSignGuard(config.keyDir, { publicKey: KEYS.validator.publicKey, genesisHash: genesis.genesisHash }, () => undefined);
  const flusher = new Flusher({ state: { ...state, flush: fuse.wrap('flush', state.flush) }, index, timers: systemTimers, stateRoot: (version) => chain.tree.root(version), flushNo, validatorsSince: tip.validatorsSince });
  const finals: FinalBlock[] = [];
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const done = (): boolean => finals.some((block) => block.txs.some(({ txHash }) => txHash === tx.txHash));
  const driver = new Driver({
    commit: (before, executed, certificate) => commitBlock(chain, before, executed, certificate),
    chain, tip, publicKey: KEYS.validator.publicKey, clock: systemClock, timers: systemTimers, log, halt: () => end(), onEvidence: () => undefined,
    signing: { current: guard.current, write: fuse.wrap('guard', guard.write), sign: nativeSigner(KEYS.validator) },
    source: { offer: () => [tx], parkLeftOut: () => undefined, get ready() { return done() ? 0 : 1; } },
    network: { send: () => undefined, sendAll: (message) => note(wire, message), connected: () => [], blame: () => undefined, close: () => Promise.resolve() },
    disk: { saveBody: fuse.wrap('body', blocks.saveBody), readBody: blocks.readBody, saveEvidence: blocks.saveEvidence, dropEvidence: blocks.dropEvidence }, storedEvidence: [], bodies: blocks.bodies, readBlock: blocks.read,
    saveCertificate: fuse.wrap('certificate', blocks.saveCertificate),
    async onCommitted(block, executed, newTip) {
      finals.push(block);
      await flusher.add(block, executed.byteChanges, newTip);
      await flusher.flush();
      if (done()) end();
    },
  });
  driver.start();
  await ended;
  await driver.stop();
  await guard.close();
  await folder.close();
  return { finals, height: driver.tip.height };
}

/** Durable steps of one block: body and first guard record, second guard record, certificate, flush. */
const STEPS_OF_A_BLOCK = 5;

void t.test('crashes at every step end in the same chain', async (test) => {
  const seen = new Set<string>();
  for (const before of [true, false]) {
    for (let allowed = 0; allowed < STEPS_OF_A_BLOCK; allowed++) {
      const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0, timeoutVoteMs: 20, timeoutProposeMs: 30 } });
      const tx = new TxMaker(folders.genesis);
      const [open] = tx.mint(1_000n);
      const parsed = tx.parse(open);
      const wire: Wire = new Map();
      const fuse = new Fuse(allowed, before);
      const first = await live(folders, parsed, fuse, wire);
      const what = `${before ? 'before' : 'after'} ${fuse.blownAt ?? 'nothing'} (${allowed} steps)`;
      seen.add(`${before ? 'before' : 'after'} ${fuse.blownAt ?? 'nothing'}`);
      const whole = new Fuse(Number.MAX_SAFE_INTEGER, false);
      const isFinal = first.finals.length > 0;
      // A certificate on disk is a decision, even if nobody heard of it: the restart finds it and needs no new block.
      const certified = isFinal || what.startsWith('after certificate');
      const second = certified ? { ...(await justStart(folders)), finals: first.finals } : await live(folders, parsed, whole, wire);
      test.equal(second.height, 1, `${what}: exactly one block`);
      for (const [place, bodies] of wire) test.equal(bodies.size, 1, `${what}: one body at ${place}`);
      await folders.remove();
    }
  }
  test.same([...seen].sort(), ['after body', 'after certificate', 'after flush', 'after guard', 'before body', 'before certificate', 'before flush', 'before guard']);
});

void t.test('a proposal whose body was lost is never sent; the next round makes another', async (test) => {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0, timeoutVoteMs: 20, timeoutProposeMs: 30 } });
  test.teardown(folders.remove);
  const maker = new TxMaker(folders.genesis);
  const tx = maker.parse(maker.mint(1_000n)[0]);
  const wire: Wire = new Map();
  await live(folders, tx, new LostBody(), wire);
  test.same([...wire.keys()], [], 'nothing was sent before its body was durable');
  const second = await live(folders, tx, new Fuse(Number.MAX_SAFE_INTEGER, false), wire);
  test.equal(second.height, 1);
  test.equal(wire.has('proposal 1 0'), false);
  test.equal(wire.has('proposal 1 1'), true);
  for (const [place, bodies] of wire) test.equal(bodies.size, 1, `one body at ${place}`);
});

/** The tip that recovery finds. */
async function justStart({ config, genesis }: TestFolders): Promise<{ readonly height: number }> {
  const chain = makeChain(genesis, verifyEd25519, new StateTree());
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  const log = makeLog({ level: 'silent', nodeName: 'test' });
  const { tip } = await recover({ chain, genesis: () => genesisTip(chain, genesis), blocks: makeBlockStore(folder.blocks), state: makeStateStore(folder.state), index: makeChainIndex(folder.index), log });
  await folder.close();
  return { height: tip.height };
}
