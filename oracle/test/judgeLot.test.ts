/** Closing: what a lot mints, and every reason why it does not. */
import t from 'tap';
import { encode, merkleRoot, OverrideBody, POINT, signEd25519, signingBytes, ed25519PublicKey, toHex, utf8, type Manifest } from '@billcoin/protocol';
import { attestOf, judgeLot, MY_PROFILE, readEvidence, type Registry } from '@billcoin/oracle';
import { accountOf, bench, GENESIS, makeWorld, MINUTE_MS, NOON_MS, seedOf, withDevice, type World } from './support/world.ts';
import { BATCH, flow, handover, makeLot, signed, usualReadings, type LotOptions, type SignedReading } from './support/lot.ts';

const HOUR_MS = 3_600_000;
const at = (minute: number): number => NOON_MS - 300 * MINUTE_MS + minute * MINUTE_MS;

/** Judges the lot of these readings; the world's registry unless another is given. */
function judge(world: World, named: readonly SignedReading[], options: LotOptions = {}, registry: Registry | undefined = world.registry) {
  const { lot, manifest, readings } = makeLot(world, named, options);
  return judgeLot(bench, { lot, manifest, readings, registry, profile: MY_PROFILE });
}

function usual(options: LotOptions = {}, change: (registry: Registry) => Registry | undefined = (registry) => registry) {
  const world = makeWorld();
  const { lot, manifest, readings } = makeLot(world, usualReadings(world), options);
  return judgeLot(bench, { lot, manifest, readings, registry: change(world.registry), profile: MY_PROFILE });
}

t.test('an honest lot mints the least of claim, meter and litres handed in', async (t) => {
  const judgement = usual();
  t.match(judgement, { volumeMl: 990_000n, reject: 0, findings: [], terms: { claimMl: 990_000n, meterMl: 990_000n, handedMl: 1_000_000n } });
  t.equal(usual({ lot: { claimMl: 980_000n } }).volumeMl, 980_000n);
  const world = makeWorld();
  const named = usualReadings(world);
  const heat = world.intake.next({ timeMs: at(90), durationMs: 0, kind: { case: 'heat', value: { lot: utf8('L26100A'), method: 1, holdMs: 15_000, tempMinHoldMc: 73_000, tempMaxMc: 75_000, tempOutMc: 4_000, volumeMl: 970_000, totalMl: 970_000, divertedMl: 0, traceHash: new Uint8Array(32) } } });
  t.match(judge(world, [...named, signed(world.intake, heat)]), { volumeMl: 970_000n, terms: { heatMl: 970_000n } });
});

t.test('the statement commits to the manifest order and to nothing of the arrival', async (t) => {
  const world = makeWorld();
  const { lot, manifest, readings } = makeLot(world, usualReadings(world));
  const evidence = { lot, manifest, registry: world.registry, profile: MY_PROFILE };
  const one = judgeLot(bench, { ...evidence, readings });
  const other = judgeLot(bench, { ...evidence, readings: new Map([...readings].reverse()) });
  t.same(attestOf(lot, one), attestOf(lot, other));
  t.same(one.readingsRoot, merkleRoot(manifest.readings));
  t.same(attestOf(lot, one).profileHash, lot.profileHash);
});

t.test('shares: handovers carry their source lot’s composition, largest remainder', async (t) => {
  const world = makeWorld();
  const named = [
    flow(world.milkA, POINT.milking, 'TANK', 100_000, at(0)),
    flow(world.milkB, POINT.milking, 'TANK', 200_000, at(1)),
    handover(world, 'TANK', 'farm A', 100_000, at(10)),
    flow(world.milkB, POINT.milking, 'TANK', 500_000, at(20)),
    flow(world.filler, POINT.filler, 'L26100A', 90_000, at(120)),
  ];
  const { lot } = makeLot(world, named);
  const shares = new Map(lot.shares.map(({ farm, weightMl }) => [toHex(farm), weightMl]));
  t.equal(shares.get(toHex(accountOf('farm A'))), 33_333n);
  t.equal(shares.get(toHex(accountOf('farm B'))), 66_667n, 'what was milked after the handover does not count');
  t.equal(judge(world, named).volumeMl, 90_000n);
});

t.test('shares: without handovers the milking of the lot itself, by owner farm', async (t) => {
  const world = makeWorld();
  const named = [
    flow(world.milkA, POINT.milking, 'L26100A', 30_000, at(0)),
    flow(world.milkA, POINT.milking, 'L26100A', 20_000, at(5)),
    flow(world.milkB, POINT.milking, 'L26100A', 40_000, at(5)),
    flow(world.filler, POINT.filler, 'L26100A', 85_000, at(120)),
  ];
  const { lot } = makeLot(world, named);
  t.same(lot.shares.map(({ weightMl }) => weightMl).sort((a, b) => Number(a - b)), [40_000n, 50_000n]);
  t.match(judge(world, named), { volumeMl: 85_000n, terms: { meterMl: 85_000n } });
});

t.test('shares: a lot through two tanks, and a tank of which only the handing farm is known', async (t) => {
  const world = makeWorld();
  const named = [
    flow(world.milkA, POINT.milking, 'FA', 100_000, at(0)),
    handover(world, 'FA', 'farm A', 100_000, at(10), 'SILO'),
    handover(world, 'FB', 'farm B', 50_000, at(11), 'SILO'),
    handover(world, 'SILO', 'plant', 120_000, at(20)),
    flow(world.filler, POINT.filler, 'L26100A', 120_000, at(120)),
  ];
  const { lot } = makeLot(world, named);
  const shares = new Map(lot.shares.map(({ farm, weightMl }) => [toHex(farm), weightMl]));
  t.same([shares.get(toHex(accountOf('farm A'))), shares.get(toHex(accountOf('farm B')))], [80_000n, 40_000n]);
  t.equal(judge(world, named).volumeMl, 120_000n);
});

t.test('99: the manifest contradicts OpenBatch', async (t) => {
  const closedAtMs = NOON_MS - 10 * MINUTE_MS;
  const refused = (name: string, options: LotOptions, change?: (registry: Registry) => Registry | undefined): void => {
    const { volumeMl, reject, why } = usual(options, change);
    t.same([volumeMl, reject], [0n, 99], `${name}: ${why}`);
  };
  refused('another batch', { manifest: { batch: new Uint8Array(32) } });
  refused('another attempt', { manifest: { attempt: 2 } });
  refused('opened before closing', { lot: { openedAtMs: closedAtMs - 1 } });
  refused('opened a day late', { lot: { openedAtMs: closedAtMs + 24 * HOUR_MS + 1 } }, (registry) => ({ ...registry, timeMs: closedAtMs + 24 * HOUR_MS }));
  refused('height not there yet', {}, () => undefined);
  refused('height not before OpenBatch', {}, (registry) => ({ ...registry, timeMs: NOON_MS + MINUTE_MS }));
  refused('height an hour old', {}, (registry) => ({ ...registry, timeMs: NOON_MS + MINUTE_MS - HOUR_MS - 1 }));
  refused('shelf life', { lot: { expiresAtMs: closedAtMs + 10 * 24 * HOUR_MS + 1 } });
  t.equal(usual({ lot: { openedAtMs: closedAtMs + 24 * HOUR_MS } }, (registry) => ({ ...registry, timeMs: closedAtMs + 23 * HOUR_MS })).reject, 0, 'exactly a day');
  t.equal(usual({}, (registry) => ({ ...registry, timeMs: NOON_MS + MINUTE_MS - HOUR_MS })).reject, 0, 'exactly an hour');
  t.equal(usual({}, (registry) => ({ ...registry, timeMs: NOON_MS + MINUTE_MS - 1 })).reject, 0);
  t.equal(usual({ lot: { expiresAtMs: closedAtMs + 10 * 24 * HOUR_MS } }).reject, 0, 'exactly the shelf life');
});

t.test('99: bytes under the hash that are no manifest', async (t) => {
  const world = makeWorld();
  const { lot } = makeLot(world, usualReadings(world));
  const judgement = judgeLot(bench, { lot, manifest: undefined, readings: new Map(), registry: world.registry, profile: MY_PROFILE });
  t.same([judgement.reject, judgement.readingsRoot], [99, merkleRoot([])]);
});

t.test('99: order, repeats, times', async (t) => {
  const world = makeWorld();
  const named = usualReadings(world);
  const [first, ...rest] = makeLot(world, named).manifest.readings.map((id) => named.find((each) => toHex(each.id) === toHex(id)) as SignedReading);
  t.equal(judge(world, named, { order: [...rest, first as SignedReading] }).reject, 99, 'out of order');
  t.equal(judge(world, named, { order: [first as SignedReading, first as SignedReading, ...rest] }).reject, 99, 'named twice');
  const closedAtMs = NOON_MS - 10 * MINUTE_MS;
  for (const [timeMs, reject] of [[closedAtMs, 0], [closedAtMs + 1, 99], [closedAtMs - 120 * HOUR_MS, 0], [closedAtMs - 120 * HOUR_MS - 1, 99]] as const) {
    const own = makeWorld();
    const more = flow(own.milkA, POINT.milking, 'OTHER', 1_000, timeMs);
    t.equal(judge(own, [more, ...usualReadings(own)]).reject, reject, String(timeMs - closedAtMs));
  }
  for (const [ageMs, reject] of [[21 * 24 * HOUR_MS, 0], [21 * 24 * HOUR_MS + 1, 99]] as const) {
    const own = makeWorld();
    const timeMs = closedAtMs - ageMs;
    const lab = own.milkA.next({ timeMs, durationMs: 0, kind: { case: 'lab', value: { lot: utf8('L26100A'), sample: utf8('S'), method: 1, result: 1, freezeMc: -520, sampledMs: timeMs } } });
    t.equal(judge(own, [signed(own.milkA, lab), ...usualReadings(own)]).reject, reject, 'lab');
  }
});

t.test('99: the custody meter covers exactly its interval', async (t) => {
  for (const [name, lot] of [
    ['begins later', { totalFrom: 1n }], ['ends later', { totalTo: 990_001n }], ['ends earlier', { totalTo: 989_999n }],
  ] as const) t.equal(usual({ lot }).reject, 99, name);
  t.equal(usual({}, (registry) => ({ ...registry, meters: new Map() })).reject, 99, 'unregistered meter');
  t.equal(usual({ lot: { plant: accountOf('farm A') } }).reject, 99, 'another plant');
  const world = makeWorld();
  t.equal(judge(world, usualReadings(world).slice(0, 4)).reject, 99, 'no filler reading');
  const mixed = makeWorld();
  const named = usualReadings(mixed);
  t.equal(judge(mixed, [...named, flow(mixed.filler, POINT.filler, 'OTHER', 1_000, at(140))]).reject, 99, 'another lot’s filling inside the interval');
});

t.test('99: shares that are not those computed, and litres that come from nowhere', async (t) => {
  const [farmA, farmB] = ['farm A', 'farm B'].map((name) => ({ farm: accountOf(name), weightMl: 500_000n }));
  t.equal(usual({ lot: { shares: [farmA, farmB].sort((a, b) => (toHex(a?.farm ?? new Uint8Array()) < toHex(b?.farm ?? new Uint8Array()) ? -1 : 1)) as never } }).reject, 99);
  t.equal(usual({ lot: { shares: [] } }).reject, 99);
  const world = makeWorld();
  t.equal(judge(world, usualReadings(world).slice(4)).reject, 99, 'no milk named');
  const unknown = makeWorld();
  const named = usualReadings(unknown);
  t.equal(judge(unknown, [...named, handover(unknown, 'NOWHERE', 'plant', 1_000, at(70))]).reject, 99, 'from a lot of which nothing is named');
  const circular = makeWorld();
  t.equal(judge(circular, [...usualReadings(circular), handover(circular, 'L26100A', 'plant', 1_000, at(150), 'ELSE')]).reject, 99, 'out of the filled lot');
  const stranger = makeWorld();
  const rows = withDevice(stranger.registry, stranger.intake, { owner: accountOf('farm B') });
  t.equal(judge(stranger, usualReadings(stranger), {}, rows).reject, 99, 'measured by neither party');
  const owner = makeWorld();
  t.equal(judge(owner, usualReadings(owner), {}, withDevice(owner.registry, owner.milkA, { owner: accountOf('plant') })).reject, 99, 'a milking meter of no farm');
});

t.test('a refused reading refuses the lot with the lowest rule', async (t) => {
  const world = makeWorld();
  const named = usualReadings(world);
  const expired = withDevice(world.registry, world.milkA, { calibratedUntilMs: at(0) - 1 });
  t.match(judge(world, named, {}, expired), { volumeMl: 0n, reject: 15 });
  t.match(judge(world, named, {}, withDevice(expired, world.milkB, { status: 3, untilMs: at(0) - 1 })), { reject: 4 }, 'two refusals: the lower number');
  t.match(judge(world, named, {}, withDevice(world.registry, world.milkA, { publicKey: ed25519PublicKey(seedOf('other')) })), { reject: 5 });
  t.match(judgeFlagged(), { reject: 0, findings: [{ rule: 17, verdict: 1 }] }, 'a flag is reported, never stated');
});

/** The usual readings but farm A's milking, which a test gives itself. */
function flaggedRest(world: World): SignedReading[] {
  const state = world.milkA.state;
  const rest = usualReadings(world).slice(1);
  world.milkA.state = state;
  return rest;
}

function judgeFlagged() {
  const world = makeWorld();
  const milk = flow(world.milkA, POINT.milking, 'FA-0410', 600_000, at(0), { densityE4: 10_210 });
  return judge(world, [milk, ...flaggedRest(world)]);
}

t.test('R14 at closing: no litre is missing between the named readings of a device', async (t) => {
  const world = makeWorld();
  const named = usualReadings(world);
  const { lot } = makeLot(world, named);
  const skipped = flow(world.filler, POINT.filler, 'L26100A', 10_000, at(140));
  const last = flow(world.filler, POINT.filler, 'L26100A', 10_000, at(141));
  t.match(judge(world, [...named, last], { lot: { ...lot, totalTo: 1_010_000n } }), { reject: 14 }, 'one filling is not named');
  t.match(judge(world, [...named, skipped, last], { lot: { ...lot, totalTo: 1_010_000n, claimMl: 1_010_000n } }), { reject: 0, volumeMl: 1_000_000n }, 'handed in bounds it');
});

t.test('other lots on a totaliser are context: their milk rules do not count, their totals do', async (t) => {
  const world = makeWorld();
  const context = flow(world.milkA, POINT.milking, 'OTHER', 500, at(-5), { animal: utf8('MY-1'), densityE4: 10_100 });
  t.equal(judge(world, [context, ...usualReadings(world)]).reject, 0);
  const gap = makeWorld();
  const first = flow(gap.milkA, POINT.milking, 'OTHER', 500, at(-5));
  flow(gap.milkA, POINT.milking, 'OTHER', 700, at(-4));
  t.equal(judge(gap, [first, ...usualReadings(gap)]).reject, 14);
});

t.test('R07 at closing: both branches of a fork are named', async (t) => {
  const world = makeWorld();
  const before = world.milkA.state;
  const twin = flow(world.milkA, POINT.milking, 'FA-0410', 1_000, at(0));
  world.milkA.state = before;
  t.equal(judge(world, [twin, ...usualReadings(world)]).reject, 7);
});

t.test('R02 at closing: a named body that is no reading', async (t) => {
  const world = makeWorld();
  const named = usualReadings(world);
  const { lot, manifest, readings } = makeLot(world, named);
  const broken = readEvidence({ ...(named[0] as SignedReading).reading.evidence, body: Uint8Array.of(1, 2, 3) });
  const judgement = judgeLot(bench, { lot, manifest: { ...manifest, readings: [...manifest.readings, broken.id] }, readings: new Map([...readings, [broken.idHex, broken]]), registry: world.registry, profile: MY_PROFILE });
  t.equal(judgement.reject, 2);
});

t.test('an override of plant and regulator lifts a hold, never a reject', async (t) => {
  const world = makeWorld();
  const named = usualReadings(world);
  const milk = named[0] as SignedReading;
  const expired = withDevice(world.registry, world.milkA, { calibratedUntilMs: at(0) - 1 });
  const override = (rule: number, batch = BATCH, signers = ['plant', 'regulator']): Manifest['overrides'] => {
    const body = encode(OverrideBody, { reading: milk.id, rule, reason: 1, batch });
    return [{ body, sigs: signers.map((name) => ({ publicKey: ed25519PublicKey(seedOf(name)), signature: signEd25519(seedOf(name), signingBytes('bill/override/1', GENESIS, body)) })) }];
  };
  const judged = (overrides: Manifest['overrides'], registry = expired): number => judge(world, named, { manifest: { overrides } }, registry).reject;
  t.equal(judged(override(15)), 0);
  t.equal(judged(override(14)), 15, 'another rule');
  t.equal(judged(override(15, new Uint8Array(32))), 15, 'another batch');
  t.equal(judged(override(15, BATCH, ['plant'])), 15, 'the regulator did not sign');
  t.equal(judged(override(15, BATCH, ['plant', 'farm A'])), 15);
  t.equal(judged(override(15), { ...expired, regulator: accountOf('new regulator') }), 15, 'the regulator of that height counts');
  t.equal(judged(override(4), withDevice(world.registry, world.milkA, { status: 3, untilMs: at(0) - 1 })), 4, 'a reject stays');
});
