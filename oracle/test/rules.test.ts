/** Every rule of intake both ways, at its boundaries. */
import t from 'tap';
import { encode, p256PublicKey, POINT, ReadingBody, Signed, signP256, toHex, utf8, keyIdOf, type Flow } from '@billcoin/protocol';
import { ALG, buildReading, judgeReading, MY_PROFILE, openEnvelope, readEvidence, readingPreimage, RULES, ruleText, signBatch, signReading, startEpoch, type History, type Reading, type Registry } from '@billcoin/oracle';
import { bench, GENESIS, makeWorld, NOON_MS, withDevice, type deviceRow, type TestDevice } from './support/world.ts';
import { flow, signed, type SignedReading } from './support/lot.ts';

const QUIET: History = { duplicate: false, locked: false };
const DAY_MS = 86_400_000;

function judge(registry: Registry, reading: Reading, history: History = QUIET, topicDevice?: string | null) {
  const own = topicDevice === undefined ? toHex(reading.body?.device ?? new Uint8Array(16)) : topicDevice;
  return judgeReading(bench, MY_PROFILE, { reading, topicDevice: own }, registry, history, NOON_MS);
}
const rulesOf = (judgement: ReturnType<typeof judge>): number[] => judgement.findings.map(({ rule }) => rule);

/** The one reading of an envelope that a test knows to be good. */
function only(opened: ReturnType<typeof openEnvelope>): Reading {
  if (!opened.ok || opened.readings[0] === undefined) throw new Error('the envelope is refused');
  return opened.readings[0];
}

/** A milking with fields of the test's choice. */
function milking(device: TestDevice, more: Partial<Flow> = {}, durationMs = 400_000, flags = 0): SignedReading {
  const value = { point: POINT.milking, lot: utf8('FA-0410'), volumeMl: 12_000, animal: utf8('MY-17'), totalMl: device.state.totalMl + 12_000, ...more } as Flow;
  return signed(device, device.next({ timeMs: NOON_MS, durationMs, flags, kind: { case: 'flow', value } }));
}

t.test('an honest reading passes every rule', async (t) => {
  const { milkA, registry } = makeWorld();
  const judgement = judge(registry, milking(milkA).reading);
  t.same(judgement, { verdict: 0, findings: [], proven: true });
});

t.test('R01: topic of another shape or device', async (t) => {
  const { milkA, milkB, registry } = makeWorld();
  const { reading } = milking(milkA);
  t.same(rulesOf(judge(registry, reading, QUIET, null)), [1]);
  t.same(rulesOf(judge(registry, reading, QUIET, toHex(milkB.identity.device))), [1]);
  t.equal(judge(registry, reading, QUIET, null).proven, false);
});

t.test('R01: a payload of exactly the limit is looked at, one byte more is not', async (t) => {
  const size = (bytes: number, suffix: 'r' | 'rb') => openEnvelope(suffix, new Uint8Array(bytes));
  for (const [suffix, limit] of [['r', 4_096], ['rb', 65_536]] as const) {
    t.match(size(limit, suffix), { ok: false, rule: 2 });
    t.match(size(limit + 1, suffix), { ok: false, rule: 1 });
    t.match(size(0, suffix), { ok: false, rule: 1 });
  }
});

t.test('R02: bounds between fields', async (t) => {
  const { milkA, registry } = makeWorld();
  const good = milking(milkA).body;
  const refused = (body: ReadingBody): boolean => {
    const reading = readEvidence({ body: encode(ReadingBody, body), alg: 1, keyId: new Uint8Array(8), sig: new Uint8Array(64), listIds: [], form: 1 });
    return rulesOf(judge(registry, reading))[0] === 2;
  };
  const withFlow = (value: Partial<Flow>, flags = 0): ReadingBody => ({ ...good, flags, kind: { case: 'flow', value: { point: 1, lot: utf8('L1'), totalMl: 5, ...value } } });
  t.notOk(refused(good));
  t.ok(refused({ ...good, prev: new Uint8Array(32).fill(1) }), 'seq 0 with a prev');
  t.ok(refused({ ...good, seq: 1 }), 'seq 1 without a prev');
  t.ok(refused(withFlow({})), 'neither volume nor mass');
  t.ok(refused(withFlow({ massG: 1_000 })), 'mass without density, not said to be assumed');
  t.notOk(refused(withFlow({ massG: 1_000 }, 1)), 'mass with an assumed density');
  t.notOk(refused(withFlow({ massG: 1_000, densityE4: 10_300 })));
  t.ok(refused(withFlow({ point: POINT.filler, massG: 1_000, densityE4: 10_300 })), 'a custody meter without volume');
  for (const lot of ['a/b', 'a+b', 'a#b', 'a b', 'é']) t.ok(refused(withFlow({ volumeMl: 1, lot: utf8(lot) })), lot);
  const lab = { lot: utf8('L1'), sample: utf8('S1'), method: 1, result: 1, freezeMc: -520, sampledMs: good.timeMs };
  t.notOk(refused({ ...good, kind: { case: 'lab', value: lab } }));
  t.ok(refused({ ...good, kind: { case: 'lab', value: { ...lab, sampledMs: good.timeMs + 1 } } }));
  t.ok(refused({ ...good, kind: { case: 'handover', value: { terms: Uint8Array.of(0xff), counterSig: new Uint8Array(64) } } }));
});

t.test('R03: another chain', async (t) => {
  const { milkA, registry } = makeWorld();
  const identity = { ...milkA.identity, genesisHash: new Uint8Array(32).fill(9) };
  const built = buildReading(identity, startEpoch(0), { timeMs: NOON_MS, durationMs: 0, kind: { case: 'beat', value: { totalMl: 0, queued: 0, firmware: 1, supplyMv: 1, tamper: 0 } } });
  const opened = openEnvelope('r', signReading(identity, built.bytes));
  t.same(rulesOf(judge(registry, only(opened))), [3]);
});

t.test('R04: device, validity, site and owner', async (t) => {
  const { milkA, registry } = makeWorld();
  const { reading } = milking(milkA);
  const judged = (change: Partial<ReturnType<typeof deviceRow>>): number[] => rulesOf(judge(withDevice(registry, milkA, change), reading));
  t.same(rulesOf(judge({ ...registry, devices: new Map() }, reading)), [4], 'unknown device: nothing else is looked at');
  t.same(judged({ status: 2 }), [4]);
  t.same(judged({ status: 3, untilMs: NOON_MS }), [4], 'revoked from exactly now');
  t.same(judged({ status: 3, untilMs: NOON_MS + 1 }), [], 'revoked from a millisecond later: the reading is from before');
  t.same(judged({ fromMs: NOON_MS }), [], 'valid from exactly now');
  t.same(judged({ fromMs: NOON_MS + 1 }), [4]);
  t.same(judged({ untilMs: NOON_MS + 1 }), []);
  t.same(judged({ untilMs: NOON_MS }), [4], 'until is exclusive');
  t.same(judged({ site: utf8('dairy-2') }), [4]);
  t.same(judged({ owner: new Uint8Array(20) }), [4], 'owner is neither farm nor plant');
  const farms = new Map([...registry.farms].map(([key, farm]) => [key, { ...farm, status: 2 }]));
  t.same(rulesOf(judge({ ...registry, farms }, reading)), [4], 'suspended farm');
  t.ok(judge({ ...registry, farms }, reading).proven, 'its signature is valid all the same');
});

t.test('R05: alone, in a batch, P-256 in both twins; nobody else', async (t) => {
  const { milkA, milkB, registry } = makeWorld();
  const { reading } = milking(milkA);
  const judged = (evidence: Partial<Reading['evidence']>): number[] => rulesOf(judge(registry, readEvidence({ ...reading.evidence, ...evidence })));
  t.same(judged({}), []);
  t.same(judged({ sig: milking(milkB).reading.evidence.sig }), [5]);
  t.same(judged({ keyId: new Uint8Array(8) }), [5]);
  t.same(judged({ alg: ALG.p256 }), [5]);
  t.same(judged({ form: 3 }), [5]);
  t.same(rulesOf(judge(withDevice(registry, milkA, { publicKey: new Uint8Array(32) }), reading)), [5]);

  const bodies = Array.from({ length: 64 }, () => milking(milkB, {}).reading.evidence.body);
  const opened = openEnvelope('rb', signBatch(milkB.identity, bodies));
  t.ok(opened.ok);
  const readings = opened.ok ? opened.readings : [];
  t.ok(readings.every((each) => judge(registry, each).proven));
  const [first, second] = readings as [Reading, Reading];
  const outside = { ...first.evidence, listIds: first.evidence.listIds.slice(1) };
  t.same(rulesOf(judge(registry, readEvidence(outside))), [5], 'its id is not in the signed list');
  const reordered = { ...second.evidence, listIds: [...second.evidence.listIds].reverse() };
  t.same(rulesOf(judge(registry, readEvidence(reordered))), [5], 'the order of the list is signed');

  const secret = new Uint8Array(32).fill(7);
  const p256 = withDevice(registry, milkA, { alg: ALG.p256, publicKey: p256PublicKey(secret) });
  const { body } = reading.evidence;
  const sig = signP256(secret, readingPreimage(GENESIS, body));
  const envelope = encode(Signed, { body, alg: ALG.p256, keyId: keyIdOf(p256PublicKey(secret)), sig });
  const low = only(openEnvelope('r', envelope));
  t.same(rulesOf(judge(p256, low)), []);
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = order - BigInt(`0x${toHex(sig.slice(32))}`);
  const high = readEvidence({ ...low.evidence, sig: Uint8Array.from([...sig.slice(0, 32), ...Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]) });
  t.same(rulesOf(judge(p256, high)), [], 'the high-s twin is valid');
  t.equal(high.idHex, low.idHex, 'and is the same reading');
});

t.test('R06 and R07: duplicate, fork, locked device', async (t) => {
  const { milkA, registry } = makeWorld();
  const { reading } = milking(milkA);
  t.match(judge(registry, reading, { duplicate: true, locked: true }), { verdict: 0, findings: [{ rule: 6 }], proven: true });
  t.match(judge(registry, reading, { duplicate: false, locked: false, otherAtSeq: 'ab' }), { verdict: 3, findings: [{ rule: 7, verdict: 3 }] });
  t.match(judge(registry, reading, { duplicate: false, locked: true }), { verdict: 2, findings: [{ rule: 7, verdict: 2 }] });
});

t.test('R08: one epoch back is late, two are held', async (t) => {
  const { milkA, registry } = makeWorld();
  milkA.state = startEpoch(5);
  const { reading } = milking(milkA);
  for (const [newestEpoch, rules] of [[4, []], [5, []], [6, []], [7, [8]]] as const) t.same(rulesOf(judge(registry, reading, { ...QUIET, newestEpoch })), rules);
});

t.test('R14: the totaliser continues within 1 mL or 0.01 %', async (t) => {
  const { milkA, filler, registry } = makeWorld();
  milkA.state = { ...milkA.state, totalMl: 100_000 };
  const { reading } = milking(milkA);
  for (const [previousTotalMl, rules] of [[100_000, []], [99_999, []], [100_001, []], [99_998, [14]], [100_002, [14]]] as const) {
    t.same(rulesOf(judge(registry, reading, { ...QUIET, previousTotalMl })), rules);
  }
  t.same(rulesOf(judge(registry, reading)), [], 'nothing is known before it');
  const large = flow(filler, POINT.filler, 'L1', 1_000_000, NOON_MS).reading;
  for (const [off, rules] of [[100, []], [101, [14]]] as const) t.same(rulesOf(judge(registry, large, { ...QUIET, previousTotalMl: off })), rules);
});

t.test('R15: calibration on file, expired a little, expired long', async (t) => {
  const { milkA, registry } = makeWorld();
  const { reading } = milking(milkA);
  const judged = (calibratedUntilMs: number) => judge(withDevice(registry, milkA, { calibratedUntilMs }), reading);
  t.equal(judged(NOON_MS).verdict, 0);
  t.match(judged(NOON_MS - 1), { verdict: 2, findings: [{ rule: 15 }] });
  t.equal(judged(NOON_MS - 30 * DAY_MS).verdict, 2);
  t.equal(judged(NOON_MS - 30 * DAY_MS - 1).verdict, 3);
  t.match(judge(withDevice(registry, milkA, { calibration: new Uint8Array(16) }), reading), { verdict: 2, findings: [{ rule: 15 }] });
});

t.test('R16: volume, mass and density agree to 1 %; slips of unit are named', async (t) => {
  const judged = (volumeMl: number, massG: number, densityE4?: number) => {
    const { milkA, registry } = makeWorld();
    return judge(registry, milking(milkA, { volumeMl, massG, totalMl: volumeMl, ...(densityE4 === undefined ? {} : { densityE4 }) }, 4_000_000).reading);
  };
  t.equal(judged(10_000, 10_300, 10_300).verdict, 0);
  t.equal(judged(10_100, 10_300, 10_300).verdict, 0, 'exactly 1 % above');
  t.same(rulesOf(judged(10_101, 10_300, 10_300)), [16]);
  t.equal(judged(9_900, 10_300).verdict, 0, 'density assumed as 1.03');
  t.same(rulesOf(judged(9_899, 10_300)), [16]);
  t.match(judged(10_300, 10_300).findings[0]?.value, /kg taken for litres/);
  t.match(judged(22_000, 10_300).findings[0]?.value, /pounds/);
  t.match(judged(1_000, 10_300).findings[0]?.value, /ten times too little/);
  t.match(judged(5_000, 10_300).findings[0]?.value, /^5000 mL$/);
});

t.test('R17: density OK, flagged, held', async (t) => {
  const judged = (densityE4: number) => {
    const { milkA, registry } = makeWorld();
    return judge(registry, milking(milkA, { densityE4 }).reading).verdict;
  };
  for (const [densityE4, verdict] of [[10_260, 0], [10_340, 0], [10_259, 1], [10_341, 1], [10_200, 1], [10_400, 1], [10_199, 2], [10_401, 2]] as const) t.equal(judged(densityE4), verdict, String(densityE4));
});

t.test('R18 and R19: one milking of one animal', async (t) => {
  const judged = (volumeMl: number, durationMs: number, more: Partial<Flow> = {}) => {
    const { milkA, registry } = makeWorld();
    return rulesOf(judge(registry, milking(milkA, { volumeMl, totalMl: volumeMl, ...more }, durationMs).reading));
  };
  t.same(judged(200, 60_000), []);
  t.same(judged(199, 60_000), [18]);
  t.same(judged(40_000, 400_000), []);
  t.same(judged(40_001, 400_011), [18]);
  t.same(judged(12_000, 120_000), [], 'mean exactly 6 L/min');
  t.same(judged(12_001, 120_000), [19]);
  t.same(judged(12_000, 0), [], 'no duration, no mean');
  t.same(judged(12_000, 400_000, { flowMaxMlMin: 12_000 }), []);
  t.same(judged(12_000, 400_000, { flowMaxMlMin: 12_001 }), [19]);
  const { milkA, registry } = makeWorld();
  t.same(rulesOf(judge(registry, flow(milkA, POINT.milking, 'FA', 600_000, NOON_MS).reading)), [], 'a parlour line names no animal');
});

t.test('several findings are all kept and the worst counts', async (t) => {
  const { milkA, registry } = makeWorld();
  const judgement = judge(withDevice(registry, milkA, { status: 2, calibratedUntilMs: NOON_MS - 1 }), milking(milkA, { densityE4: 10_250 }).reading);
  t.same(rulesOf(judgement), [4, 15, 17]);
  t.equal(judgement.verdict, 3);
});

t.test('the table has every rule of this step once, each with a sentence', async (t) => {
  t.same(RULES.map(({ no }) => no), [1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 16, 17, 18, 19]);
  for (const { no } of RULES) t.ok(ruleText(no).length > 20);
  t.match(ruleText(99), /manifest/);
});
