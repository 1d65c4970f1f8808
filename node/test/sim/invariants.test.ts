/** Each watcher of the simulator sees what it is there for: a history is broken in one place, and the invariant says so. */
import t from 'tap';
import {
  Certificate, EVERYBODY, Evidence, ROWS, StateTree, buildBlock, commitBlock, duplicateVote, encode, encodeChange, genesisTip, makeCertificate, makeChain, parseTx, voteBodyBytes, votePreimage, useSha256,
  type ConsensusState, type Executed, type Genesis, type Input, type SignedVote, type Tip, type VoteFields,
} from '@billcoin/protocol';
import { hashPairsNative, sha256Native } from '../../src/crypto/sha256.ts';
import { CORE, PEER_INPUTS_MAX, type Core } from '../../src/driver.ts';
import { checkBounds, type Sizes } from '../../src/sim/bounds.ts';
import { Clients } from '../../src/sim/clients.ts';
import { SimDisk, type DiskUser } from '../../src/sim/disk.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import type { PeerMessage, TxStatus } from '../../src/ports.ts';
import type { SimProcess } from '../../src/sim/process.ts';
import { checkLightClient, checkRowProofs, type ProofSetup } from '../../src/sim/proofs.ts';
import { Random } from '../../src/sim/random.ts';
import { Referee, checkTurns } from '../../src/sim/referee.ts';
import { WatchedCore } from '../../src/sim/watchedCore.ts';
import { WireRecord, bodyKey, certificateKey } from '../../src/sim/wireRecord.ts';
import { PEOPLE, START_MS, TxMaker, makeSimGenesis, validatorKeys } from '../../src/sim/world.ts';

useSha256(sha256Native);
const SIZE = 4;
const ALIVE: DiskUser = { isAlive: () => true, mayRead: () => true, damaged: () => undefined, write: (_what, _sync, done) => Promise.resolve(done()) };

/** A chain that decides what it is told, on the disk of one node. */
class Story {
  readonly genesis: Genesis = makeSimGenesis(SIZE);
  readonly chain = makeChain(this.genesis, HASH_SIGNATURES.verify, new StateTree(hashPairsNative));
  readonly disk = new SimDisk(false);
  readonly blamed: string[] = [];
  readonly blame = (invariant: string): void => {
    this.blamed.push(invariant);
  };
  tip: Tip = genesisTip(this.chain, this.genesis);

  /** Votes of validators, by their place in the set. */
  votes(fields: VoteFields, voters: readonly number[]): SignedVote[] {
    return voters.map((validatorIndex) => {
      const { publicKey } = this.genesis.validators.validators[validatorIndex]!;
      const key = validatorKeys(SIZE).find((one) => Buffer.from(one.publicKey).equals(publicKey))!;
      return { ...fields, validatorIndex, signature: HASH_SIGNATURES.sign(key, votePreimage(this.genesis.genesisHash, fields)) };
    });
  }

  certificate(fields: VoteFields): Certificate {
    return makeCertificate(this.genesis.validators, fields, this.votes(fields, [0, 1, 2, 3]))!;
  }

  build(evidence: readonly Uint8Array[] = [], laterMs = 1, txs: readonly Uint8Array[] = []): Executed {
    const { genesis: { validators }, tip } = this;
    const proposerIndex = [0, 1, 2, 3].find((index) => {
      const wrong: string[] = [];
      checkTurns(validators, 1, { height: tip.height + 1, round: 0, proposerIndex: index }, (invariant) => wrong.push(invariant));
      return wrong.length === 0;
    })!;
    const parsed = txs.map((bytes) => parseTx(this.chain, bytes)).flatMap((tx) => (tx.ok ? [tx.value] : []));
    return buildBlock(this.chain, tip, parsed, START_MS + tip.height * 1_000 + laterMs, { proposerIndex, round: 0, evidence });
  }

  /** What a node would call final, with body and certificate on its disk. */
  async final(executed: Executed, certificate = this.certificate({ type: 'precommit', height: executed.header.height, round: 0, blockId: hex(executed.blockId) })): Promise<Parameters<Referee['final']>[1]> {
    const { height } = executed.header;
    await this.disk.open('blocks', ALIVE).batch([{ type: 'put', key: bodyKey(height, executed.blockId), value: executed.blockBytes }, { type: 'put', key: certificateKey(height), value: encode(Certificate, certificate) }], { sync: true });
    return { height, timeMs: executed.header.timeMs, blockId: executed.blockId, headerBytes: executed.headerBytes, certificate, txs: [] };
  }

  async decide(evidence: readonly Uint8Array[] = []): Promise<Parameters<Referee['final']>[1]> {
    const executed = this.build(evidence);
    const block = await this.final(executed);
    this.tip = commitBlock(this.chain, this.tip, executed, block.certificate);
    return block;
  }

  get node(): SimProcess {
    const { disk, chain, tip } = this;
    return { index: 0, isByzantine: false, chain, engine: { tip: () => tip }, disks: { blocks: disk } } as unknown as SimProcess;
  }

  referee(liars: readonly string[] = []): Referee {
    return new Referee(this.genesis, HASH_SIGNATURES, new Set(liars), this.blame);
  }
}

t.test('a history without a flaw: nobody is blamed', async (t) => {
  const story = new Story();
  const referee = story.referee();
  for (let i = 0; i < 6; i++) referee.final(story.node, await story.decide());
  t.same(story.blamed, []);
  t.equal(referee.height, 6);
});

t.test('I1: another block at a decided height', async (t) => {
  const story = new Story();
  const referee = story.referee();
  const other = story.build([], 500);
  referee.final(story.node, await story.decide());
  referee.final(story.node, await story.final(other));
  t.same(story.blamed, ['I1']);
});

t.test('I2: a block that does not execute', async (t) => {
  const story = new Story();
  const referee = story.referee();
  const executed = story.build();
  referee.final(story.node, await story.final({ ...executed, blockBytes: executed.blockBytes.slice(0, -1) }));
  t.ok(story.blamed.includes('I2'));
});

t.test('I3: a decision on fewer precommits than a quorum', async (t) => {
  const story = new Story();
  const referee = story.referee();
  const executed = story.build();
  const fields: VoteFields = { type: 'precommit', height: 1, round: 0, blockId: hex(executed.blockId) };
  const whole = story.certificate(fields);
  referee.final(story.node, await story.final(executed, { ...whole, bitmap: new Uint8Array([0xc0]), signatures: whole.signatures.slice(0, 2) }));
  t.same(story.blamed, ['I3']);
});

t.test('I4: a height is left out, and another state after the same block', async (t) => {
  const story = new Story();
  const referee = story.referee();
  await story.decide();
  const second = await story.decide();
  const empty = { ...story.node, disks: { blocks: new SimDisk(false) } } as unknown as SimProcess;
  referee.final(empty, second);
  t.ok(story.blamed.includes('I4'));

  const other = new Story();
  const judge = other.referee();
  const first = await other.decide();
  judge.final(other.node, first);
  const wrong = { ...other.tip, treeVersion: other.chain.tree.empty() };
  judge.final({ ...other.node, chain: other.chain, engine: { tip: () => wrong } } as unknown as SimProcess, first);
  t.same(other.blamed, ['I4']);
});

t.test('I12: evidence against somebody who is not known to lie, and what is owed until it stands in a block', async (t) => {
  const story = new Story();
  const referee = story.referee();
  referee.final(story.node, await story.decide());
  const fields: VoteFields = { type: 'prevote', height: 1, round: 0, blockId: 'aa'.repeat(32) };
  const [a] = story.votes(fields, [1]);
  const [b] = story.votes({ ...fields, blockId: 'bb'.repeat(32) }, [1]);
  const evidence = encode(Evidence, duplicateVote(a!, b!));
  t.equal(referee.unpunished([evidence]).length, 1, 'it is owed');
  referee.final(story.node, await story.decide([evidence]));
  t.same(story.blamed, ['I12']);
  t.equal(referee.unpunished([evidence]).length, 0, 'it is paid');
});

t.test('I17: out of turn', (t) => {
  const story = new Story();
  const inTurn = story.build().header;
  for (let proposerIndex = 0; proposerIndex < SIZE; proposerIndex++) checkTurns(story.genesis.validators, 1, { ...inTurn, proposerIndex }, story.blame);
  t.same(story.blamed, ['I17', 'I17', 'I17']);
  t.end();
});

t.test('I18: final before the certificate is on disk', async (t) => {
  const story = new Story();
  const referee = story.referee();
  const block = await story.decide();
  const disk = new SimDisk(false);
  await disk.open('blocks', ALIVE).batch([{ type: 'put', key: bodyKey(1, block.blockId), value: story.disk.read(bodyKey(1, block.blockId))! }], { sync: true });
  referee.final({ ...story.node, disks: { blocks: disk } } as unknown as SimProcess, block);
  t.same(story.blamed, ['I18']);
});

t.test('I5 and I6: two votes of a correct key, and one against its own lock', (t) => {
  const story = new Story();
  const [A, B] = ['aa'.repeat(32), 'bb'.repeat(32)];
  const { publicKey } = story.genesis.validators.validators[0]!;
  const node = { index: 0, isByzantine: false, key: { publicKey }, guard: { synced: { height: 9 } }, disks: { blocks: new SimDisk(false) } } as unknown as SimProcess;
  const say = (wire: WireRecord, fields: VoteFields): void => {
    const [{ signature }] = story.votes(fields, [0]) as [SignedVote];
    wire.sent(node, { kind: 'vote', vote: { body: voteBodyBytes(fields), validatorIndex: 0, signature } });
  };
  const record = (): WireRecord => new WireRecord({ genesisHash: story.genesis.genesisHash, verify: HASH_SIGNATURES.verify, setAt: () => story.genesis.validators, blame: story.blame });
  const wire = record();
  say(wire, { type: 'prevote', height: 1, round: 0, blockId: A });
  say(wire, { type: 'prevote', height: 1, round: 0, blockId: B });
  t.same(story.blamed.splice(0), ['I5']);
  const liar = { ...node, isByzantine: true } as unknown as SimProcess;
  const after = (...messages: readonly PeerMessage[]): string[] => {
    const other = record();
    say(other, { type: 'precommit', height: 1, round: 1, blockId: A });
    for (const message of messages) other.sent(liar, message);
    say(other, { type: 'prevote', height: 1, round: 3, blockId: B });
    return story.blamed.splice(0);
  };
  t.same(after(), ['I6']);
  const fields: VoteFields = { type: 'prevote', height: 1, round: 2, blockId: B };
  const polka = story.certificate(fields);
  const votes = story.votes(fields, [1, 2, 3]).map(({ validatorIndex, signature }) => ({ body: voteBodyBytes(fields), validatorIndex, signature }));
  const header = new Uint8Array(1);
  t.same(after({ kind: 'certificate', certificate: polka }), [], 'votes that a liar shows in a certificate alone make a polka');
  t.same(after({ kind: 'proposal', proposal: { body: header, signature: new Uint8Array(64), header, polka } }), [], 'so do those it shows with a proposal');
  t.same(after({ kind: 'roundCert', votes }), [], 'or with its entry into a round');
  const unsigned = new Uint8Array(64);
  t.same(after({ kind: 'certificate', certificate: { ...polka, signatures: polka.signatures.map(() => unsigned) } }), ['I6'], 'a forged certificate makes none');
  t.same(after(...votes.map((vote): PeerMessage => ({ kind: 'vote', vote: { ...vote, signature: unsigned } }))), ['I6'], 'nor do forged votes');
  t.same(after({ kind: 'certificate', certificate: story.certificate({ ...fields, round: 0 }) }), ['I6'], 'nor does a polka below the lock');
  t.end();
});

/** What a node says of one transaction that it has accepted and that stands in block 1. */
async function whenTold(status: (truth: TxStatus & { readonly status: 'final' }, story: Story) => TxStatus | undefined | Error): Promise<readonly string[]> {
  const story = new Story();
  const referee = story.referee();
  const sent: Uint8Array[] = [];
  let told: TxStatus | undefined | Error = { status: 'pending', acceptedAtMs: START_MS };
  const port = {
    submit: (bytes: Uint8Array) => Promise.resolve({ ok: true, fresh: sent.push(bytes) > 0, txHash: '', status: { status: 'pending', acceptedAtMs: START_MS } }),
    txStatus: () => (told instanceof Error ? Promise.reject(told) : Promise.resolve(told)),
  };
  const node = { ...story.node, life: 1, isUp: true, engine: { port } } as unknown as SimProcess;
  const clients = new Clients(new TxMaker(story.genesis, HASH_SIGNATURES, new Random('clients')), new Random('clients'), referee, story.blame, [node]);
  clients.act(START_MS);
  await new Promise(setImmediate);
  t.equal(await clients.pending(START_MS), 1, 'what is pending is asked for again');
  const executed = story.build([], 1, sent);
  referee.final(story.node, await story.final(executed));
  const [tx] = executed.txs;
  told = status({ status: 'final', height: 1, index: 0, code: 0, timeMs: executed.header.timeMs, blockId: executed.blockId }, story);
  t.ok(referee.executed.has(tx!.txHash));
  await clients.pending(START_MS + 1);
  return story.blamed;
}

t.test('I7 and I9: an accepted transaction that a node forgets, and answers about it that are not what happened', async (t) => {
  t.same(await whenTold((truth) => truth), [], 'the truth');
  t.same(await whenTold((truth) => ({ ...truth, height: 2 })), ['I9'], 'final elsewhere');
  t.same(await whenTold((truth) => ({ ...truth, code: 5 })), ['I9'], 'with another result');
  t.same(await whenTold(() => undefined), ['I7'], 'forgotten');
  t.same(await whenTold(() => ({ status: 'expired' })), ['I7'], 'expired, though it is final');
  t.same(await whenTold(() => new Error('a bug')), ['I7'], 'an answer that is none');
});

t.test('I8: books that do not balance', async (t) => {
  const story = new Story();
  const referee = story.referee();
  referee.final(story.node, await story.decide());
  const { state } = referee.tip;
  referee.audit();
  t.same(story.blamed, []);
  const put = (balanceMl: bigint): void => {
    const { key, value } = encodeChange({ type: ROWS.account, id: hex(PEOPLE.farm.address), value: { balanceMl } });
    t.ok(state.load(key, value!));
    referee.audit();
  };
  put(1n);
  t.same(story.blamed.splice(0), ['I8'], 'a millilitre that nobody minted');
  t.end();
});

/** A core that answers a timer of the past, and one that does not do the same twice. */
t.test('I13 and I14: a timer of the past moves something, and a core is not a function of its inputs', (t) => {
  const blamed: string[] = [];
  const blame = (invariant: string): void => {
    blamed.push(invariant);
  };
  const timer: Input = { kind: 'timerFired', timer: 'propose', height: 0, round: 0 };
  const state = { height: 1, round: 0 } as ConsensusState;
  const moved: Core = { ...CORE, step: (before) => ({ state: before, effects: [{ kind: 'startTimer', timer: 'propose', height: 1, round: 0, ms: 1 }] }) };
  new WatchedCore(moved, 0, new Uint8Array(32), false, blame).step(state, timer);
  t.same(blamed.splice(0), ['I13']);
  let count = 0;
  const moody: Core = { ...CORE, step: (before) => ({ state: before, effects: count++ % 2 === 0 ? [] : [{ kind: 'send', to: EVERYBODY, message: { kind: 'roundCert', votes: [] } }] }) };
  const watched = new WatchedCore(moody, 0, new Uint8Array(32), true, blame);
  watched.step(state, { kind: 'workAvailable' });
  watched.replay();
  t.same(blamed, ['I14']);
  t.end();
});

t.test('I11: each thing that can grow', (t) => {
  const well: Sizes = { load: { items: 10, wholeBlocks: 2, syncedAhead: 0 }, states: { oldest: 1, states: 120, bytes: 1_000 }, undoBytes: 0, versions: 125, pool: { transactions: 5, limit: 10 }, height: 10, blockRows: 22 };
  const blamed: string[] = [];
  const look = (sizes: Partial<Sizes>): string[] => {
    checkBounds(0, { ...well, ...sizes }, 3, (invariant, what) => blamed.push(`${invariant} ${what}`));
    return blamed.splice(0);
  };
  t.same(look({}), []);
  const grown: readonly Partial<Sizes>[] = [
    { load: { items: 4 * PEER_INPUTS_MAX, wholeBlocks: 2, syncedAhead: 0 } }, { load: { items: 1, wholeBlocks: 100, syncedAhead: 0 } }, { load: { items: 1, wholeBlocks: 1, syncedAhead: 65 } }, { states: { oldest: 1, states: 121, bytes: 1 } }, { states: { oldest: 1, states: 1, bytes: 2 ** 30 } },
    { undoBytes: 2 ** 30 }, { versions: 1_000 }, { pool: { transactions: 11, limit: 10 } }, { blockRows: 1_000 },
  ];
  for (const sizes of grown) t.match(look(sizes).join(), /^I11 /, JSON.stringify(sizes));
  t.end();
});

t.test('I15 and I16: a client that checks no signature believes what is forged', async (t) => {
  const story = new Story();
  const referee = story.referee();
  let newest = await story.decide();
  referee.final(story.node, newest);
  for (let i = 0; i < 3; i++) {
    newest = await story.decide();
    referee.final(story.node, newest);
  }
  const { tip, chain } = story;
  const rows = new Map(tip.state.all().map(encodeChange).map(({ key, value }) => [hex(key), value]));
  const port = {
    tip: () => newest,
    proveRow: (key: Uint8Array) => ({ height: tip.height, proof: chain.tree.prove(tip.treeVersion, key), value: rows.get(hex(key)) }),
  };
  const node = { ...story.node, disks: { blocks: story.disk }, engine: { tip: () => tip, port } } as unknown as SimProcess;
  const setup = (seed: number): ProofSetup => ({ genesis: story.genesis, verify: HASH_SIGNATURES.verify, random: new Random(`${seed}`), nowMs: START_MS + 10_000, blame: story.blame, decided: referee.decided, setAt: (height) => referee.setAt(height) });
  for (let seed = 0; seed < 8; seed++) {
    checkLightClient(setup(seed), node);
    checkRowProofs(setup(seed), node);
  }
  t.same(story.blamed, []);
  for (let seed = 0; seed < 8; seed++) {
    checkLightClient({ ...setup(seed), verify: () => true }, node);
    checkRowProofs({ ...setup(seed), verify: () => true }, node);
  }
  t.ok(story.blamed.includes('I15'));
  t.ok(story.blamed.includes('I16'));
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
