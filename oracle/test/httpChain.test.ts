/** The adapter to the node's API, against a server that answers in the declared form from the same rows. */
import Fastify from 'fastify';
import t from 'tap';
import { encode, formatAddress, formatLitres, Header, toBase64Url, toHex, ROWS, type stateRows } from '@billcoin/protocol';
import { makeHttpChain, type OpenLot, type Registry } from '@billcoin/oracle';
import { createClient, keyFromSeed, type BatchDetail } from '@billcoin/sdk';
import { attestOf, judgeLot, MY_PROFILE } from '@billcoin/oracle';
import { signRound } from '../src/outbox/statement.ts';
import { makeLot, usualReadings } from './support/lot.ts';
import { accountOf, bench, GENESIS, makeWorld, MINUTE_MS, NOON_MS, seedOf } from './support/world.ts';

const ORACLE = keyFromSeed(seedOf('oracle'));
const STATUS = ['', 'active', 'suspended', 'revoked'] as const;
const seconds = (timeMs: number): string => new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** Block times: 40 blocks, 300 ms apart; block 30 opened the batch. */
const TIMES = Array.from({ length: 41 }, (_, height) => NOON_MS + height * 300);
const OPENED_AT = 30;
const zero = new Uint8Array(32);

function header(height: number): Uint8Array {
  return encode(Header, {
    version: 1, height, timeMs: TIMES[height] ?? 1, prevBlockId: zero, prevCommitHash: zero, txRoot: zero, txCount: 0, resultRoot: zero, stateRoot: zero, validatorsHash: zero, nextValidatorsHash: zero,
    evidenceRoot: zero, proposerIndex: 0, round: 0,
  });
}

function batchView(lot: OpenLot, row?: Uint8Array): Partial<BatchDetail> {
  return {
    batchKey: toHex(lot.batch), plant: formatAddress(lot.plant), lot: toHex(lot.lot), productionDate: '2026-04-10', expiresAt: seconds(lot.expiresAtMs), openedAt: seconds(lot.openedAtMs), attempt: lot.attempt, state: 'open',
    claim: formatLitres(lot.claimMl), meter: toHex(lot.meter), totalFrom: formatLitres(lot.totalFrom), totalTo: formatLitres(lot.totalTo), manifestHash: toHex(lot.manifestHash), profileHash: toHex(lot.profileHash),
    shares: lot.shares.map(({ farm, weightMl }) => ({ farm: formatAddress(farm), name: '', weight: formatLitres(weightMl) })), height: 40,
    attestations: [{ attempt: 1, oracle: formatAddress(ORACLE.address), name: '', volume: '990.000', reject: 0, readingsRoot: toHex(zero) }],
    ...(row === undefined ? {} : { proof: { height: 40, rowKey: '10', row: toBase64Url(row), proof: '' } }),
  };
}

function registryView(registry: Registry): object {
  const party = (row: { account: Uint8Array; status: number }) => ({ address: formatAddress(row.account), name: '', status: STATUS[row.status] });
  return {
    height: 40, blockHash: '', time: '', oracles: [],
    devices: [...registry.devices.values()].map((row) => ({
      device: toHex(row.device), alg: 'ed25519', publicKey: toHex(row.publicKey), owner: formatAddress(row.owner), site: toHex(row.site), fromMs: row.fromMs, untilMs: row.untilMs,
      calibration: toHex(row.calibration), calibratedUntilMs: row.calibratedUntilMs, status: STATUS[row.status],
    })),
    farms: [...registry.farms.values()].map(party),
    plants: [...registry.plants.values()].map((row) => ({ ...party(row), profileHash: toHex(row.profileHash) })),
    meters: [...registry.meters.values()].map((row) => ({ meter: toHex(row.meter), plant: formatAddress(row.plant), total: '0.000', opened: '0.000' })),
  };
}

interface Node {
  readonly url: string;
  lot: OpenLot;
  row: Uint8Array | undefined;
  refusal: { code: string; status: number } | undefined;
  readonly posted: string[];
}

async function startNode(t: { teardown(fn: () => unknown): unknown }): Promise<Node & { registry: Registry }> {
  const world = makeWorld();
  const { lot } = makeLot(world, usualReadings(world), { lot: { openedAtMs: TIMES[OPENED_AT] as number } });
  const app = Fastify();
  const problem = ({ code, status }: { code: string; status: number }) => ({ type: '', title: code, status, detail: '', instance: '', code, retryable: false });
  const absent = { code: 'not_found', status: 404 };
  app.get('/api/v1/status', async () => ({ height: 40, genesisHash: toHex(GENESIS) }));
  app.get('/api/v1/registry', async () => registryView(world.registry));
  app.get<{ Params: { id: string } }>('/api/v1/blocks/:id', async ({ params }) => {
    const height = Number(params.id);
    const transactions = height === OPENED_AT ? [{ txHash: '', kind: 'openBatch', code: 0, fault: null }] : [];
    return { height, header: toBase64Url(header(height)), transactions };
  });
  app.get('/api/v1/batches', async () => ({ data: [batchView(node.lot)], nextCursor: null }));
  app.get<{ Params: { id: string } }>('/api/v1/batches/:id', async ({ params }, reply) =>
    (params.id === toHex(node.lot.batch) ? batchView(node.lot, node.row) : reply.code(404).type('application/problem+json').send(problem(absent))));
  app.post<{ Body: { tx: string } }>('/api/v1/transactions', async ({ body }, reply) => {
    node.posted.push(body.tx);
    if (node.refusal !== undefined) return reply.code(node.refusal.status).type('application/problem+json').send(problem(node.refusal));
    return reply.code(202).send({ txHash: expectedHash, status: 'pending' });
  });
  app.get<{ Params: { id: string } }>('/api/v1/transactions/:id', async ({ params }, reply) =>
    (params.id === expectedHash ? { txHash: params.id, status: 'final', kind: 'attest', height: 1, index: 0, code: 0, fault: null, time: null } : reply.code(404).type('application/problem+json').send(problem(absent))));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());
  const node: Node & { registry: Registry } = { url, lot, row: undefined, refusal: undefined, posted: [], registry: world.registry };
  return node;
}

const judgement = (() => {
  const world = makeWorld();
  const made = makeLot(world, usualReadings(world));
  return attestOf(made.lot, judgeLot(bench, { ...made, registry: world.registry, profile: MY_PROFILE }));
})();
const ROUND = signRound(GENESIS, ORACLE, judgement, NOON_MS, 1);
const expectedHash = ROUND.txHash;

t.test('registry, height and times of the newest and of an earlier block', async (t) => {
  const node = await startNode(t);
  const chain = makeHttpChain(createClient({ baseUrl: node.url }), GENESIS);
  t.same(await chain.latest(), { height: 40, timeMs: TIMES[40] });
  const { regulator: _unknown, ...rows } = node.registry;
  t.same(await chain.registryAt(10), { ...rows, height: 10, timeMs: TIMES[10] });
  t.equal(await chain.registryAt(41), undefined, 'not final yet');
});

t.test('open batches: to the millisecond from the row, and found in the blocks where no row is sent', async (t) => {
  const node = await startNode(t);
  const lotRow = { ...node.lot, state: 1, onHold: 0, issuedMl: 0n, availableMl: 0n, heldMl: 0n, redeemedMl: 0n, owedOutMl: 0n };
  const { batch: _key, ...row } = lotRow;
  t.match(await makeHttpChain(createClient({ baseUrl: node.url }), GENESIS).openBatches(), [node.lot], 'searched');
  node.row = encode(ROWS.batch.value, row as stateRows.BatchRow);
  t.match(await makeHttpChain(createClient({ baseUrl: node.url }), GENESIS).openBatches(), [node.lot], 'from the row');
  node.row = undefined;
  node.lot = { ...node.lot, openedAtMs: NOON_MS + 60 * MINUTE_MS };
  await t.rejects(makeHttpChain(createClient({ baseUrl: node.url }), GENESIS).openBatches(), /No block at/);
});

t.test('statements: on chain, absent, unknown batch', async (t) => {
  const node = await startNode(t);
  const chain = makeHttpChain(createClient({ baseUrl: node.url }), GENESIS);
  t.same(await chain.attestation(node.lot.batch, 1, ORACLE.address), { volumeMl: 990_000n, reject: 0, readingsRoot: zero, profileHash: node.lot.profileHash });
  t.equal(await chain.attestation(node.lot.batch, 2, ORACLE.address), undefined);
  t.equal(await chain.attestation(node.lot.batch, 1, accountOf('farm A')), undefined);
  t.equal(await chain.attestation(zero, 1, ORACLE.address), undefined);
});

t.test('submissions: taken, refused, passing, unreachable', async (t) => {
  const node = await startNode(t);
  const chain = makeHttpChain(createClient({ baseUrl: node.url }), GENESIS);
  const tx = Buffer.from(ROUND.tx, 'hex');
  t.same(await chain.submit(tx), { ok: true, state: 'pending' });
  t.equal(node.posted[0], tx.toString('base64url'), 'the very bytes');
  for (const [code, status, passing] of [['attempt_not_open', 409, false], ['ceiling_reached', 409, true], ['pool_full', 429, true]] as const) {
    node.refusal = { code, status };
    t.same(await chain.submit(tx), { ok: false, code, passing });
  }
  t.equal(await chain.txStatus(expectedHash), 'final');
  t.equal(await chain.txStatus('00'.repeat(32)), undefined);
  const gone = makeHttpChain(createClient({ baseUrl: 'http://127.0.0.1:1', timeoutMs: 500 }), GENESIS);
  await t.rejects(gone.latest());
  await t.rejects(gone.submit(tx));
  await t.rejects(chain.submit(new Uint8Array(3)), /no transaction/);
});
