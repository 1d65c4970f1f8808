/** The verdict on a block of a peer: whatever was changed is named, and nothing of the block stays. */
import t from 'tap';
import {
  applyBlock, Block, Body, buildBlock, Certificate, decode, encode, FEE_FREE_MAX, FEE_FREE_PER_SIGNER_MAX, genesisTip, Header, merkleRoot, toHex, utf8, blockIdBytes,
  type BlockFault, type Chain, type Executed, type Tip,
} from '../../src/index.ts';
import { votePreimage } from '../../src/consensus/bodies.ts';
import { commitCertificate, KEYS, keyOf, signFast, World } from '../support/world.ts';

const alice = keyOf('alice');
const bob = keyOf('bob');

function rich(): World {
  const world = new World();
  world.mint(1_000_000n);
  world.block([world.transfer(KEYS.farmA, alice.address, 10_000n), world.transfer(KEYS.farmA, bob.address, 10_000n)]);
  return world;
}

/** The next block with these transactions, built but not in force. */
function next(world: World, txs: readonly Uint8Array[]): Executed {
  const built = buildBlock(world.chain, world.tip, txs.map((bytes) => world.parse(bytes)), world.tip.timeMs + 1_000, { proposerIndex: 0, round: 0 });
  world.chain.tree.release(built.treeVersion);
  return built;
}

interface Parts { readonly header: Header; readonly body: Body }

function partsOf(blockBytes: Uint8Array): Parts {
  const block = decode(Block, blockBytes);
  const header = block.ok ? decode(Header, block.value.header) : block;
  const body = block.ok ? decode(Body, block.value.body) : block;
  if (!header.ok || !body.ok) throw new Error('the block was built here');
  return { header: header.value, body: body.value };
}

function changed(blockBytes: Uint8Array, header: Partial<Header>, body: Partial<Body> = {}): Uint8Array {
  const parts = partsOf(blockBytes);
  return encode(Block, { header: encode(Header, { ...parts.header, ...header }), body: encode(Body, { ...parts.body, ...body }) });
}

/** "code field why" of the refusal, or 'ok'. The tree holds no more versions afterwards than before. */
function verdict(world: World, blockBytes: Uint8Array, tip: Tip = world.tip): string {
  const versions = world.chain.tree.memory().versions;
  const applied = applyBlock(world.chain, tip, blockBytes);
  if (applied.ok) world.chain.tree.release(applied.value.treeVersion);
  t.equal(world.chain.tree.memory().versions, versions, 'no version is left behind');
  return applied.ok ? 'ok' : said(applied.fault);
}

function said(refusal: BlockFault): string {
  if (refusal.code === 'invalid_block') return `${refusal.field}: ${refusal.why}`;
  return refusal.code === 'malformed' ? `malformed ${refusal.path} ${refusal.why}` : refusal.code;
}

t.test('a block as it was built is accepted, again and again', (t) => {
  const world = rich();
  const block = next(world, [world.transfer(alice, bob.address, 5n)]).blockBytes;
  const stateBefore = world.tip.state.size;
  t.equal(verdict(world, block), 'ok');
  t.equal(verdict(world, block), 'ok');
  t.equal(world.tip.state.size, stateBefore, 'nothing is in force before it is committed');
  t.equal(verdict(world, changed(block, { round: 3 })), 'ok', 'with one validator every round is its own');
  t.equal(verdict(world, changed(block, { timeMs: world.tip.timeMs + 1 })), 'ok', 'the time is the proposer’s choice, above the last one');
  t.end();
});

t.test('a transaction that was parsed before is not parsed again, and the block comes out the same', (t) => {
  const world = rich();
  const built = next(world, [world.transfer(alice, bob.address, 5n), world.transfer(bob, alice.address, 6n)]);
  const [first] = built.txs;
  const asked: string[] = [];
  const chain: Chain = { ...world.chain, parsed: (leafHash) => {
    asked.push(toHex(leafHash));
    return first !== undefined && toHex(first.leafHash) === toHex(leafHash) ? first : undefined;
  } };
  const applied = applyBlock(chain, world.tip, built.blockBytes);
  t.ok(applied.ok);
  if (applied.ok) {
    t.same(asked, built.txs.map(({ leafHash }) => toHex(leafHash)), 'every one is asked for, in order');
    t.equal(applied.value.txs[0], first, 'the one that is known is taken as it is');
    t.not(applied.value.txs[1], built.txs[1], 'the other one is parsed');
    t.same([toHex(applied.value.blockId), applied.value.codes], [toHex(built.blockId), built.codes]);
    chain.tree.release(applied.value.treeVersion);
  }
  t.end();
});

t.test('each changed header field is named', (t) => {
  const world = rich();
  const block = next(world, [world.transfer(alice, bob.address, 5n), world.transfer(bob, alice.address, 6n)]).blockBytes;
  const { header } = partsOf(block);
  const wrong = new Uint8Array(32).fill(0xee);
  const links: readonly [keyof Header, Partial<Header>][] = [
    ['height', { height: header.height + 1 }], ['height', { height: header.height - 1 }], ['timeMs', { timeMs: world.tip.timeMs }], ['timeMs', { timeMs: world.tip.timeMs - 1 }],
    ['prevBlockId', { prevBlockId: wrong }], ['proposerIndex', { proposerIndex: 1 }],
  ];
  for (const [field, over] of links) t.equal(verdict(world, changed(block, over)), `${field}: does not follow from the block before`);
  for (const field of ['prevCommitHash', 'txRoot', 'resultRoot', 'stateRoot', 'validatorsHash', 'nextValidatorsHash', 'evidenceRoot'] as const) {
    t.equal(verdict(world, changed(block, { [field]: wrong })), `header: ${field}: block has ${toHex(wrong)}, execution gives ${toHex(header[field])}`);
  }
  t.equal(verdict(world, changed(block, { txCount: 1 })), 'header: txCount: block has 1, execution gives 2');
  t.equal(verdict(world, block), 'ok');
  t.end();
});

t.test('the commit of the block before must be there, genuine and for it', (t) => {
  const world = rich();
  const { genesisHash } = world.genesis;
  const block = next(world, []).blockBytes;
  const { header, body } = partsOf(block);
  const before = decode(Certificate, body.prevCommit as Uint8Array);
  if (!before.ok) throw new Error('the last block was committed');
  const commit = before.value;
  const signed = (over: Partial<Certificate>, type: 'prevote' | 'precommit' = 'precommit'): Uint8Array => {
    const fields = { ...commit, ...over };
    const preimage = votePreimage(genesisHash, { type, height: fields.height, round: fields.round, blockId: toHex(fields.blockId) });
    return encode(Certificate, { ...fields, signatures: over.signatures ?? [signFast(KEYS.validator.seed, preimage)] });
  };
  const bad = 'prevCommit: does not follow from the block before';
  t.equal(verdict(world, changed(block, {}, { prevCommit: undefined })), bad, 'absent');
  t.equal(verdict(world, changed(block, {}, { prevCommit: Uint8Array.of(8, 1) })), bad, 'not a certificate');
  t.equal(verdict(world, changed(block, {}, { prevCommit: signed({ height: commit.height - 1 }) })), bad, 'of another height');
  t.equal(verdict(world, changed(block, {}, { prevCommit: signed({ blockId: new Uint8Array(32).fill(1) }) })), bad, 'of another block');
  t.equal(verdict(world, changed(block, {}, { prevCommit: signed({ type: 1 }, 'prevote') })), bad, 'a polka');
  t.equal(verdict(world, changed(block, {}, { prevCommit: signed({ round: 4, signatures: commit.signatures }) })), bad, 'signatures of another round');
  t.equal(verdict(world, changed(block, {}, { prevCommit: signed({ bitmap: Uint8Array.of(0x40) }) })), bad, 'a bit outside the set');

  const other = signed({ round: 4 });
  t.match(verdict(world, changed(block, {}, { prevCommit: other })), /^header: prevCommitHash/, 'another genuine commit needs the header that names it');
  const rebuilt = buildBlock(world.chain, { ...world.tip, certificateBytes: other }, [], header.timeMs, { proposerIndex: 0, round: 0 });
  world.chain.tree.release(rebuilt.treeVersion);
  t.equal(verdict(world, rebuilt.blockBytes), 'ok', 'the proposer may have seen the commit of another round');

  const first = new World();
  const firstBlock = next(first, []).blockBytes;
  t.equal(verdict(first, firstBlock), 'ok');
  t.equal(verdict(first, changed(firstBlock, {}, { prevCommit: body.prevCommit })), bad, 'the first block has none');
  t.equal(verdict(first, changed(firstBlock, {}, { evidence: [Uint8Array.of(1)] })), 'evidence: proves no offence that is unpunished, or two of one validator', 'what proves nothing');
  t.end();
});

t.test('transactions stand as they were executed', (t) => {
  const world = rich();
  const txs = [world.transfer(alice, bob.address, 5n), world.transfer(bob, alice.address, 6n)];
  const block = next(world, txs).blockBytes;
  const { body } = partsOf(block);
  t.match(verdict(world, changed(block, {}, { txs: [...body.txs].reverse() })), /^header: txRoot/, 'reordered');
  t.match(verdict(world, changed(block, { txRoot: merkleRoot([...body.txs].reverse()) }, { txs: [...body.txs].reverse() })), /^header: resultRoot/, 'reordered, with the root of it');
  t.match(verdict(world, changed(block, {}, { txs: body.txs.slice(1) })), /^header: txRoot/, 'one left out');
  t.equal(verdict(world, changed(block, {}, { txs: [...body.txs, body.txs[0] as Uint8Array] })), 'already_executed', 'one twice in a block');
  t.equal(verdict(world, changed(block, {}, { txs: [world.transfer(keyOf('nobody'), bob.address, 1n)] })), 'insufficient_balance', 'one whose fee nobody pays');
  const invoice = world.invoice(KEYS.till1, 1, 300n, 180n, 'one');
  t.equal(verdict(world, changed(block, {}, { txs: [world.pay(alice, invoice), world.pay(bob, invoice)] })), 'invoice_already_paid', 'one invoice, two payers');
  const forged = Uint8Array.from(body.txs[0] as Uint8Array);
  forged[forged.length - 1]! ^= 1;
  t.equal(verdict(world, changed(block, {}, { txs: [forged] })), 'bad_signature');
  t.end();
});

t.test('what cannot be decoded is refused with its path', (t) => {
  const world = rich();
  const block = next(world, [world.transfer(alice, bob.address, 5n)]).blockBytes;
  const { header, body } = partsOf(block);
  t.equal(verdict(world, new Uint8Array(0)), 'malformed Block.header is missing');
  t.match(verdict(world, block.slice(0, -1)), /^malformed Block/);
  t.equal(verdict(world, Uint8Array.of(...block, 0)), 'malformed Block.field 0 is unknown');
  t.equal(verdict(world, new Uint8Array(1_048_577)), 'malformed Block has 1048577 bytes, the limit is 1048576');
  t.equal(verdict(world, encode(Block, { header: Uint8Array.of(8, 2), body: encode(Body, body) })), 'malformed Header.version is 2, not an integer from 1 to 1');
  t.match(verdict(world, encode(Block, { header: encode(Header, header), body: Uint8Array.of(0x18, 1) })), /^malformed Body/);
  t.match(verdict(world, changed(block, {}, { txs: [Uint8Array.of(1, 2, 3)] })), /^malformed Tx/);
  t.end();
});

t.test(`fee-free transactions: ${FEE_FREE_PER_SIGNER_MAX} a signer`, (t) => {
  const world = new World();
  const lots = Array.from({ length: 8 }, (_, index) => `L${index}`);
  const open = (lot: string, index: number, attempt: number): Uint8Array => world.openBatch({ lot: utf8(lot), totalFrom: BigInt(index) * 100n, totalTo: BigInt(index + 1) * 100n, claimMl: 100n, attempt });
  const opens = [1, 2, 3].flatMap((attempt) => lots.map((lot, index) => open(lot, index, attempt)));
  const built = next(world, opens);
  t.equal(built.txs.length, FEE_FREE_PER_SIGNER_MAX, 'the plant’s 17th is left out');
  const more = [...built.txs.map((tx) => tx.bytes), opens[16] as Uint8Array];
  t.equal(verdict(world, changed(built.blockBytes, {}, { txs: more })), 'too_many_fee_free', 'and a block that holds it is refused');
  world.block(opens.slice(0, 16));
  t.equal(world.block([opens[16] as Uint8Array]).txs.length, 1, 'the next block takes it');
  t.end();
});

t.test(`fee-free transactions: ${FEE_FREE_MAX} a block, the others go on`, (t) => {
  const world = new World();
  world.mint(100_000n, 'LOT-0');
  world.block([world.transfer(KEYS.farmA, alice.address, 1_000n)]);
  const lots = Array.from({ length: 8 }, (_, index) => `L${index}`);
  const opens = [1, 2].map((attempt) => lots.map((lot, index) => world.openBatch({ lot: utf8(lot), totalFrom: BigInt(1_000 + index) * 100n, totalTo: BigInt(1_001 + index) * 100n, claimMl: 100n, attempt })));
  // Four oracles, four volumes: no quorum, so every batch stays open.
  const says = [1, 2].map((attempt) => KEYS.oracles.flatMap((oracle, volume) => lots.map((lot) => world.attest(oracle, world.batchKey(lot), BigInt(volume + 1), { attempt }))));
  const offered = [...(opens[0] ?? []), ...(says[0] ?? []), ...(opens[1] ?? []), ...(says[1] ?? []), world.transfer(alice, bob.address, 1n)];
  const built = next(world, offered);
  t.equal(built.txs.filter((tx) => tx.body.kind.case !== 'transfer').length, FEE_FREE_MAX);
  t.equal(built.txs.length, FEE_FREE_MAX + 1, 'a transfer pays and is let in');
  const one = offered[FEE_FREE_MAX] as Uint8Array;
  t.equal(verdict(world, changed(built.blockBytes, {}, { txs: [...built.txs.map((tx) => tx.bytes), one] })), 'too_many_fee_free');
  t.end();
});

t.test('a commit is made of the id that hashes header and network', (t) => {
  const world = rich();
  const built = next(world, []);
  t.same(built.blockId, blockIdBytes(world.genesis.genesisHash, built.headerBytes));
  t.notSame(built.blockId, blockIdBytes(new Uint8Array(32), built.headerBytes), 'another network, another id');
  t.same(commitCertificate(world.genesis.genesisHash, [KEYS.validator], built).blockId, built.blockId);
  t.throws(() => buildBlock(world.chain, world.tip, [], world.tip.timeMs, { proposerIndex: 0, round: 0 }), /block time rises/);
  t.equal(genesisTip(world.chain, world.genesis).height, 0);
  t.end();
});
