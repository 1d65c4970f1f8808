/** Evidence of a header that deceived a light client (consensus page §1.12): offenders are computed from what was decided, never listed. */
import t from 'tap';
import { Body, Block, decode, encode, Evidence, Header, isUnpunishedAttack, makeCertificate, makeValidatorSet, offenceIn, offencesIn, ROWS, stateRows, toHex, validatorsHash, votePreimage, chainHash, type Executed, type ValidatorSet } from '../../src/index.ts';
import { doubleVote, idOf, INSTITUTIONS, rowOf, stakeWorld } from '../support/staking.ts';
import { keyOf, signFast, type Key, type World } from '../support/world.ts';

const [a, b, c, d] = INSTITUTIONS as [Key, Key, Key, Key];
const { STANDING } = stateRows;
const STRANGERS = [keyOf('stranger 1'), keyOf('stranger 2')];
const ATTACKED = 5;

/** Four validators and seven blocks, with the past that a node has on its disk. */
function grown() {
  const world = stakeWorld(4);
  const blocks = new Map<number, Executed>();
  const next = (evidence: readonly Uint8Array[] = []): Executed => {
    const block = world.block([], 1_000, { evidence });
    blocks.set(block.header.height, block);
    return block;
  };
  Object.assign(world.chain, {
    past(height: number) {
      const [block, after] = [blocks.get(height), blocks.get(height + 1)];
      const whole = after === undefined ? undefined : decode(Block, after.blockBytes);
      const body = whole?.ok === true ? decode(Body, whole.value.body) : undefined;
      return block === undefined || body?.ok !== true || body.value.prevCommit === undefined ? undefined : { header: block.headerBytes, prevCommitOfNext: body.value.prevCommit };
    },
  });
  while (world.tip.height < ATTACKED + 2) next();
  return { world, blocks, next, decided: blocks.get(ATTACKED)!.header };
}

const setOf = (...keys: readonly Key[]): ValidatorSet => makeValidatorSet(keys.map(({ publicKey }) => ({ publicKey, power: 1 })));

interface Plan {
  readonly header: Header;
  readonly set: ValidatorSet;
  readonly signers: readonly Key[];
  readonly round?: number;
  readonly type?: 'prevote' | 'precommit';
}

/** A header with the commit of these members of a set, as somebody shows it to a light client. */
function attack(world: World, { header, set, signers, round = 0, type = 'precommit' }: Plan): Uint8Array {
  const { genesisHash } = world.genesis;
  const bytes = encode(Header, header);
  const vote = { type, height: header.height, round, blockId: toHex(chainHash('bill/header/1', genesisHash, bytes)) };
  const votes = set.validators.map(({ publicKey }, validatorIndex) => {
    const key = signers.find((one) => toHex(one.publicKey) === toHex(publicKey));
    return key === undefined ? undefined : { ...vote, validatorIndex, signature: signFast(key.seed, votePreimage(genesisHash, vote)) };
  });
  const certificate = makeCertificate(set, vote, votes);
  if (certificate === undefined) throw new Error('the signers are no quorum');
  return encode(Evidence, { evidence: { case: 'lightClientAttack', value: { header: bytes, certificate, set } } });
}

const other = (header: Header, over: Partial<Header> = {}): Header => ({ ...header, txRoot: new Uint8Array(32).fill(9), ...over });
const named = (world: World, evidence: Uint8Array): readonly string[] => offencesIn(world.chain, world.tip, evidence).map(({ publicKey }) => toHex(publicKey)).sort();
const keysOf = (...keys: readonly Key[]): readonly string[] => keys.map(({ publicKey }) => toHex(publicKey)).sort();

t.test('who signed another header of the round that was decided is guilty, each of them, in one piece', (t) => {
  const { world, next, decided } = grown();
  const evidence = attack(world, { header: other(decided), set: world.tip.validators, signers: [a, b, c], round: decided.round });
  t.same(named(world, evidence), keysOf(a, b, c));
  t.match(offenceIn(world.chain, world.tip, evidence), { height: ATTACKED, round: decided.round });
  t.equal(isUnpunishedAttack(world.chain, world.tip, evidence), false);
  t.same(next([evidence]).evidence, [evidence]);
  t.same([a, b, c, d].map((key) => rowOf(world, key).standing), [STANDING.tombstoned, STANDING.tombstoned, STANDING.tombstoned, STANDING.good]);
  t.same(next([evidence]).evidence, [], 'a second time it names nobody who is not punished');
  t.end();
});

t.test('who signed a header on the decided parent with another set is guilty, whatever the set and the round', (t) => {
  const { world, next, decided } = grown();
  for (const [set, signers] of [[setOf(d), [d]], [setOf(d, ...STRANGERS), [d, ...STRANGERS]]] as const) {
    const evidence = attack(world, { header: other(decided, { validatorsHash: validatorsHash(set) }), set, signers, round: 7 });
    t.same(named(world, evidence), keysOf(d), `${set.validators.length} in the false set`);
  }
  const set = setOf(c, d);
  const evidence = attack(world, { header: other(decided, { validatorsHash: validatorsHash(set) }), set, signers: [c, d] });
  const twice = doubleVote(world, d, 3);
  t.same(next([twice, evidence]).evidence, [twice, evidence], 'the second piece names somebody whom the first does not');
  t.same([c, d].map((key) => rowOf(world, key).standing), [STANDING.tombstoned, STANDING.tombstoned]);
  t.end();
});

t.test('a piece that names nobody but whom an earlier one of the block names does not stand beside it', (t) => {
  const { world, next, decided } = grown();
  const set = setOf(d);
  const evidence = attack(world, { header: other(decided, { validatorsHash: validatorsHash(set) }), set, signers: [d] });
  const twice = doubleVote(world, d, 3);
  t.same(next([evidence, twice]).evidence, [evidence]);
  t.end();
});

t.test('nobody is blamed where it is not sure, but it is an attack all the same', (t) => {
  const { world, next, decided } = grown();
  const set = setOf(c, d);
  const cases = {
    'another round: they may have forgotten their lock': attack(world, { header: other(decided), set: world.tip.validators, signers: [a, b, c], round: decided.round + 1 }),
    'another parent and set: they may have followed a fork': attack(world, { header: other(decided, { validatorsHash: validatorsHash(set), prevBlockId: new Uint8Array(32).fill(1) }), set, signers: [c, d], round: decided.round + 1 }),
  };
  for (const [what, evidence] of Object.entries(cases)) {
    t.same(named(world, evidence), [], what);
    t.equal(isUnpunishedAttack(world.chain, world.tip, evidence), true, what);
    t.same(next([evidence]).evidence, [], what);
  }
  t.same([a, b, c, d].map((key) => rowOf(world, key).standing), [STANDING.good, STANDING.good, STANDING.good, STANDING.good]);
  t.end();
});

t.test('what shows nothing is neither', (t) => {
  const { world, decided } = grown();
  const { validators: set } = world.tip;
  const good = decode(Evidence, attack(world, { header: other(decided), set, signers: [a, b, c] }));
  if (!good.ok || good.value.evidence.case !== 'lightClientAttack') throw new Error('it is one');
  const { value } = good.value.evidence;
  const changed = (over: Partial<typeof value>): Uint8Array => encode(Evidence, { evidence: { case: 'lightClientAttack', value: { ...value, ...over } } });
  const { certificate } = value;
  const cases = {
    'the very block that was decided': attack(world, { header: decided, set, signers: [a, b, c] }),
    'a set of strangers': attack(world, { header: other(decided, { validatorsHash: validatorsHash(setOf(...STRANGERS)) }), set: setOf(...STRANGERS), signers: STRANGERS }),
    prevotes: attack(world, { header: other(decided), set, signers: [a, b, c], type: 'prevote' }),
    'a height whose commit is in no block yet': attack(world, { header: other(decided, { height: world.tip.height }), set, signers: [a, b, c] }),
    'a height that is not final': attack(world, { header: other(decided, { height: world.tip.height + 1 }), set, signers: [a, b, c] }),
    'a block of before what is kept': attack(world, { header: other(decided, { height: 1 }), set, signers: [a, b, c] }),
    'another set than the header names': changed({ set: setOf(a, b, c) }),
    'a set out of order': changed({ set: { validators: [...set.validators].reverse() } }),
    'a signature of somebody else': changed({ certificate: { ...certificate, signatures: [...certificate.signatures].reverse() } }),
    'fewer than a quorum': changed({ certificate: { ...certificate, bitmap: Uint8Array.of(0xc0), signatures: certificate.signatures.slice(0, 2) } }),
    'a certificate of another block': changed({ header: encode(Header, other(decided, { txRoot: new Uint8Array(32).fill(8) })) }),
    'no header': changed({ header: Uint8Array.of(1) }),
  };
  for (const [what, evidence] of Object.entries(cases)) {
    t.same(named(world, evidence), [], what);
    t.equal(isUnpunishedAttack(world.chain, world.tip, evidence), false, what);
  }
  const evidence = encode(Evidence, good.value);
  t.equal(named(world, evidence).length, 3);
  t.same(offencesIn({ ...world.chain, past: undefined }, world.tip, evidence), [], 'without a past nobody is found guilty');
  t.ok(world.tip.state.get(ROWS.validator, idOf(a)) !== undefined);
  t.end();
});
