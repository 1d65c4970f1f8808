/** The light client against chains that it follows rightly, and against sources that lie, are silent or are two-faced. */
import t, { type Test } from 'tap';
import {
  attackOffenders, blockIdBytes, CLOCK_DRIFT_MAX_MS, equalBytes, followTo, lightState, newestTrusted, passTrust, readCandidate, SYNC_HEADERS_MAX, takeAnswer, toHex, trustBackwards, TRUSTED_KEPT_MAX, TRUSTING_PERIOD_MS, validatorsHash,
  type LightAction, type LightBlock, type LightState, type ValidatorSet,
} from '../../src/index.ts';
import { context, GENESIS_HASH, headerOf, LightChain, lightBlockOf, makeHeader, setOf, validator } from './lightChain.ts';

type Source = (height: number) => LightBlock | undefined;

interface Followed {
  readonly state: LightState;
  readonly action: LightAction;
  readonly asked: readonly (readonly [source: number, height: number])[];
}

/** Drives the machine with these sources until it settles. */
function follow(state: LightState, height: number, sources: readonly Source[], nowMs: number): Followed {
  const asked: [number, number][] = [];
  let step = followTo(state, height, nowMs);
  while (step.action.kind === 'ask') {
    const { source, height: wanted } = step.action;
    asked.push([source, wanted]);
    step = takeAnswer(context, step.state, sources[source]?.(wanted), nowMs);
  }
  return { ...step, asked };
}

function codeOf(action: LightAction): string {
  return action.kind === 'refused' || action.kind === 'diverged' ? action.refusal.code : action.kind;
}

const four = setOf('a', 'b', 'c', 'd');
const steady = new LightChain(40, () => four);
/** One validator of four is replaced every five blocks. */
const NAMES = 'abcdefghijklmnop'.split('');
const moving = (height: number): ValidatorSet => setOf(...NAMES.slice(Math.floor(height / 5), Math.floor(height / 5) + 4));
const changing = new LightChain(60, moving);

t.test('a steady set is followed by one skip, however far', (t) => {
  const { action, asked, state } = follow(lightState(steady.root, 0), 40, [(h) => steady.at(h)], steady.nowMs);
  t.match(action, { kind: 'trusted', trusted: { height: 40 } });
  t.same(asked, [[0, 40]]);
  t.equal(toHex(newestTrusted(state).blockId), steady.id(40));
  const again = follow(state, 17, [(h) => steady.at(h)], steady.nowMs);
  t.match(again.action, { kind: 'trusted', trusted: { height: 17 } }, 'a block between is reached from below');
  t.equal(newestTrusted(again.state).height, 40);
  t.same(follow(again.state, 17, [], steady.nowMs).asked, [], 'what is trusted is not asked for again');
  t.end();
});

t.test('a changing set is followed by halving the way', (t) => {
  const { action, asked } = follow(lightState(changing.root, 0), 60, [(h) => changing.at(h)], changing.nowMs);
  t.match(action, { kind: 'trusted', trusted: { height: 60 } });
  t.ok(asked.length > 3 && asked.length < 60, `${asked.length} headers for 60 blocks`);
  t.end();
});

t.test('a set that is replaced at once is followed only block by block over the change', (t) => {
  const swapped = new LightChain(20, (height) => (height < 10 ? four : setOf('w', 'x', 'y', 'z')));
  const { action, asked } = follow(lightState(swapped.root, 0), 20, [(h) => swapped.at(h)], swapped.nowMs);
  t.match(action, { kind: 'trusted', trusted: { height: 20 } });
  t.ok(asked.some(([, height]) => height === 9) && asked.some(([, height]) => height === 10), 'the blocks on both sides of the change');
  t.end();
});

t.test('times and heights: trusting period, clock drift, order', (t) => {
  const at = (nowMs: number, height = 40): string => codeOf(follow(lightState(steady.root, 0), height, [(h) => steady.at(h)], nowMs).action);
  const rootMs = steady.root.timeMs;
  t.equal(at(rootMs + TRUSTING_PERIOD_MS - 1), 'trusted');
  t.equal(at(rootMs + TRUSTING_PERIOD_MS), 'trust_expired');
  const headerMs = headerOf(steady.at(40)!.header).timeMs;
  t.equal(at(headerMs - CLOCK_DRIFT_MAX_MS + 1), 'trusted');
  t.equal(at(headerMs - CLOCK_DRIFT_MAX_MS), 'from_future');
  t.equal(at(steady.nowMs, 0), 'malformed');
  t.equal(at(steady.nowMs, 2 ** 53), 'malformed');
  const early = makeHeader({ height: 5, set: four, next: four, prevBlockId: new Uint8Array(32), timeMs: rootMs });
  t.equal(codeOf(follow(lightState(steady.root, 0), 5, [() => lightBlockOf(early, four, four)], steady.nowMs).action), 'not_newer');
  const read = readCandidate(context, steady.at(3)!);
  const later = follow(lightState(steady.root, 0), 9, [(h) => steady.at(h)], steady.nowMs).state;
  t.match(read.ok && passTrust(context, newestTrusted(later), read.value, steady.nowMs), { kind: 'refused', refusal: { code: 'not_newer' } });
  t.end();
});

/** The primary answers honestly but for one height. */
function lying(t: Test, lie: LightBlock | undefined, height = 40): string {
  const { action, state } = follow(lightState(steady.root, 0), height, [() => lie], steady.nowMs);
  t.equal(newestTrusted(state).height, 0, 'nothing is trusted');
  return codeOf(action);
}

t.test('a source without data, or with data of another height, refuses and throws nothing', (t) => {
  t.equal(lying(t, undefined), 'no_data');
  t.equal(lying(t, steady.at(39)), 'no_data');
  t.equal(lying(t, { ...steady.at(40)!, header: new Uint8Array(3) }), 'malformed');
  t.equal(lying(t, { ...steady.at(40)!, validators: { validators: [] } }), 'bad_validator_set');
  t.equal(lying(t, { ...steady.at(40)!, certificate: { ...steady.at(40)!.certificate, signatures: [] } }), 'no_quorum');
  t.equal(lying(t, { ...steady.at(40)!, certificate: { ...steady.at(40)!.certificate, bitmap: new Uint8Array(7).fill(255) } }), 'no_quorum');
  t.equal(codeOf(takeAnswer(context, lightState(steady.root, 0), steady.at(40), steady.nowMs).action), 'no_data', 'an answer nobody asked for');
  t.end();
});

t.test('ASA-2024-009: sets with altered order or power are refused', (t) => {
  const block = steady.at(40)!;
  const [first, second, ...rest] = four.validators;
  const swapped = { validators: [second!, first!, ...rest] };
  t.equal(lying(t, { ...block, validators: swapped }), 'bad_validator_set', 'order');
  t.equal(lying(t, { ...block, validators: setOf('a*3', 'b', 'c', 'd') }), 'other_validator_set', 'power');
  t.equal(lying(t, { ...block, nextValidators: setOf('a', 'b', 'c', 'd*2') }), 'other_validator_set', 'power of the next set');
  t.equal(lying(t, { ...block, validators: { validators: [first!, first!, ...rest] } }), 'bad_validator_set', 'a key twice');
  t.equal(lying(t, { ...block, validators: { validators: [{ ...first!, power: 0 }, ...rest] } }), 'bad_validator_set', 'no power');
  const heavy = setOf('a*100', 'b', 'c', 'd');
  const header = makeHeader({ height: 1, set: heavy, next: heavy, prevBlockId: new Uint8Array(32) });
  t.equal(lying(t, lightBlockOf(header, heavy, heavy), 1), 'other_validator_set', 'adjacent: the set must be the one the trusted header names');
  t.end();
});

t.test('trust needs more than a third of the trusted power, counted by the trusted set, then a quorum of its own', (t) => {
  const from = (trusted: ValidatorSet, own: ValidatorSet, signers: readonly string[]): string => {
    const header = makeHeader({ height: 9, set: own, next: own, prevBlockId: new Uint8Array(32) });
    const read = readCandidate(context, lightBlockOf(header, own, own, signers));
    if (!read.ok) return read.refusal.code;
    const passed = passTrust(context, { ...steady.root, nextValidators: trusted }, read.value, steady.nowMs);
    return passed.kind === 'refused' ? passed.refusal.code : passed.kind;
  };
  t.equal(from(four, four, ['a', 'b', 'c']), 'trusted');
  t.equal(from(setOf('a', 'b', 'c'), setOf('a', 'x', 'y', 'z'), ['a', 'x', 'y']), 'bisect', 'exactly a third is not more than a third');
  t.equal(from(setOf('a', 'b', 'c', 'd', 'e'), setOf('a', 'b', 'x', 'y'), ['a', 'b', 'x']), 'trusted', 'two of five');
  t.equal(from(setOf('a', 'b', 'c', 'd', 'e'), setOf('a*99', 'x'), ['a', 'x']), 'bisect', 'power in its own set does not count');
  t.equal(from(four, setOf('w', 'x', 'y', 'z'), ['w', 'x', 'y']), 'bisect', 'strangers');
  t.end();
});

t.test('certificates: too few, a signer doubled, a forged signature, another block, prevotes', (t) => {
  const block = steady.at(40)!;
  const { certificate } = block;
  const two = { ...certificate, bitmap: Uint8Array.of(0b1100_0000), signatures: certificate.signatures.slice(0, 2) };
  t.equal(lying(t, { ...block, certificate: two }), 'no_quorum');
  const doubled = { ...certificate, bitmap: Uint8Array.of(0b1110_0000), signatures: [certificate.signatures[0]!, certificate.signatures[0]!, certificate.signatures[1]!] };
  t.equal(lying(t, { ...block, certificate: doubled }), 'bad_signature');
  t.equal(lying(t, { ...block, certificate: { ...certificate, bitmap: Uint8Array.of(0b1111_0001) } }), 'no_quorum', 'trailing bits');
  t.equal(lying(t, { ...block, certificate: { ...certificate, round: 1 } }), 'bad_signature', 'of another round');
  t.equal(lying(t, { ...block, certificate: steady.at(39)!.certificate }), 'other_block');
  t.equal(lying(t, { ...block, certificate: { ...certificate, type: 1 } }), 'other_block', 'a polka makes nothing final');
  t.equal(codeOf(followed({ genesisHash: new Uint8Array(32), verify: context.verify })), 'other_block', 'another network: every id differs');
  t.end();

  function followed(other: typeof context): LightAction {
    const started = followTo(lightState(steady.root, 0), 40, steady.nowMs);
    return takeAnswer(other, started.state, block, steady.nowMs).action;
  }
});

t.test('a server that makes us ask for ever is given up', (t) => {
  // Every block has a set of its own, so each must be asked for.
  const restless = new LightChain(SYNC_HEADERS_MAX + 20, (height) => setOf(`s${height}`));
  const { action, asked } = follow(lightState(restless.root, 0), SYNC_HEADERS_MAX + 20, [(h) => restless.at(h)], restless.nowMs);
  t.equal(codeOf(action), 'too_many_headers');
  t.equal(asked.length, SYNC_HEADERS_MAX);
  // A far height that no chain can have: halved at most 53 times.
  const near = (height: number): LightBlock => lightBlockOf(makeHeader({ height, set: setOf('x'), next: setOf('x'), prevBlockId: new Uint8Array(32), timeMs: steady.root.timeMs + 1 }), setOf('x'), setOf('x'));
  const far = follow(lightState(steady.root, 0), Number.MAX_SAFE_INTEGER, [near], steady.nowMs);
  t.equal(codeOf(far.action), 'other_validator_set');
  t.ok(far.asked.length <= 54, `${far.asked.length} headers`);
  t.end();
});

t.test('witnesses: agreement, silence, nonsense', (t) => {
  const honest: Source = (h) => steady.at(h);
  const outcome = (...witnesses: readonly Source[]): string => codeOf(follow(lightState(steady.root, witnesses.length), 40, [honest, ...witnesses], steady.nowMs).action);
  t.equal(outcome(honest), 'trusted');
  t.equal(outcome(() => undefined), 'no_witness', 'a witness that is kept away is not agreement');
  t.equal(outcome(() => undefined, honest), 'trusted', 'one that answers is enough');
  const forged = lightBlockOf(makeHeader({ height: 40, set: setOf('x', 'y'), next: setOf('x', 'y'), prevBlockId: new Uint8Array(32) }), setOf('x', 'y'), setOf('x', 'y'));
  t.equal(outcome(() => forged), 'no_witness', 'a witness cannot stop a client with a set of its own making');
  t.equal(outcome(() => forged, honest), 'trusted');
  t.end();
});

t.test('peer bug 25: after a divergence nothing is compared and nothing believed any more', (t) => {
  // a, b and c sign two histories from height 20 on.
  const fork = new LightChain(40, () => four, { of: steady, at: 20, mark: 7 });
  const sources: Source[] = [(h) => fork.at(h), (h) => steady.at(h), () => t.fail('a second witness is asked after a divergence') as never];
  const { action, state, asked } = follow(lightState(steady.root, 2), 40, sources, steady.nowMs);
  if (action.kind !== 'diverged') throw new Error(action.kind);
  t.equal(action.height, 40);
  t.same(asked, [[0, 40], [1, 40]]);
  t.equal(newestTrusted(state).height, 0, 'neither header is trusted');
  const again = follow(state, 30, sources, steady.nowMs);
  t.equal(codeOf(again.action), 'diverged');
  t.same(again.asked, []);
  t.equal(codeOf(takeAnswer(context, state, steady.at(40), steady.nowMs).action), 'diverged');
  const [against] = action.evidence;
  t.same(attackOffenders(context, steady.at(40)!, against), steady.at(40)!.validators.validators.map(({ publicKey }) => publicKey), 'all four signed both in one round');
  t.end();
});

t.test('peer bug 8: offenders are computed from both certificates, never listed', (t) => {
  const parent = steady.at(19)!;
  const prevBlockId = blockIdBytes(GENESIS_HASH, parent.header);
  const decided = lightBlockOf(steady.at(20)!.header, four, four, ['a', 'b', 'c']);
  const names = (offenders: readonly Uint8Array[]): string => ['a', 'b', 'c', 'd', 'x'].filter((name) => offenders.some((key) => equalBytes(key, validator(name).publicKey))).join('');
  const accuse = (block: LightBlock): string => names(attackOffenders(context, decided, { evidence: { case: 'lightClientAttack', value: { header: block.header, certificate: block.certificate, set: block.validators } } }));
  const other = makeHeader({ height: 20, set: four, next: four, prevBlockId, mark: 9 });
  t.equal(accuse(lightBlockOf(other, four, four, ['b', 'c', 'd'])), 'bc', 'those in both, same round');
  t.equal(accuse(lightBlockOf(other, four, four, ['b', 'c', 'd'], 1)), '', 'another round: amnesia is alarmed, not punished');
  const falseSet = setOf('a', 'b', 'x');
  const lunatic = makeHeader({ height: 20, set: falseSet, next: falseSet, prevBlockId, mark: 9 });
  t.equal(accuse(lightBlockOf(lunatic, falseSet, falseSet)), 'ab', 'true validators who signed a false set on the decided parent; x is none of them');
  const elsewhere = makeHeader({ height: 20, set: falseSet, next: falseSet, prevBlockId: new Uint8Array(32).fill(1), mark: 9 });
  t.equal(accuse(lightBlockOf(elsewhere, falseSet, falseSet, undefined, 3)), '', 'another parent and round: nobody for sure');
  t.equal(accuse(decided), '', 'the same block is no attack');
  t.equal(accuse(steady.at(21)!), '', 'another height');
  const bad = lightBlockOf(other, four, four, ['b', 'c', 'd']);
  t.equal(accuse({ ...bad, certificate: { ...bad.certificate, signatures: bad.certificate.signatures.map(() => new Uint8Array(64)) } }), '', 'forged signatures accuse nobody');
  t.same(attackOffenders(context, { ...decided, header: new Uint8Array(1) }, { evidence: { case: 'lightClientAttack', value: { header: other, certificate: bad.certificate, set: four } } }), []);
  t.end();
});

t.test('backwards by the hash of the block before', (t) => {
  const later = headerOf(changing.at(30)!.header);
  const before = trustBackwards(context, later, changing.at(29)!.header, changing.at(30)!.validators);
  t.match(before, { ok: true, value: { height: 29 } });
  t.same(before.ok && validatorsHash(before.value.nextValidators), later.validatorsHash);
  const code = (header: Uint8Array, set = changing.at(30)!.validators): string => {
    const step = trustBackwards(context, later, header, set);
    return step.ok ? 'ok' : step.refusal.code;
  };
  t.equal(code(changing.at(28)!.header), 'not_linked');
  t.equal(code(new Uint8Array(4)), 'malformed');
  t.equal(code(changing.at(29)!.header, setOf('x')), 'other_validator_set');
  t.end();
});

t.test('trusted headers that are kept are bounded, the first is never forgotten', (t) => {
  let state = lightState(changing.root, 0);
  const long = new LightChain(TRUSTED_KEPT_MAX + 20, () => four);
  state = lightState(long.root, 0);
  for (let height = 1; height <= TRUSTED_KEPT_MAX + 20; height++) state = follow(state, height, [(h) => long.at(h)], long.nowMs).state;
  t.equal(state.trusted.length, TRUSTED_KEPT_MAX);
  t.equal(state.trusted[0]?.height, 0);
  t.equal(newestTrusted(state).height, TRUSTED_KEPT_MAX + 20);
  t.equal(codeOf(follow({ ...state, trusted: state.trusted.slice(10) }, 1, [], long.nowMs).action), 'before_trust');
  t.end();
});
