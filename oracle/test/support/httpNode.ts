/** A node's API in the declared form, answering from one lot and the registry of the small dairy. */
import Fastify from 'fastify';
import { encode, formatAddress, Header, ROWS, toBase64Url, toHex, type stateRows } from '@billcoin/protocol';
import { attestOf, judgeLot, MY_PROFILE, type OpenLot, type Registry } from '@billcoin/oracle';
import { keyFromSeed, type BatchDetail } from '@billcoin/sdk';
import { signRound } from '../../src/outbox/statement.ts';
import { makeLot, usualReadings } from './lot.ts';
import { bench, GENESIS, makeWorld, NOON_MS, seedOf } from './world.ts';

export const ORACLE = keyFromSeed(seedOf('oracle'));
const STATUS = ['', 'active', 'suspended', 'revoked'] as const;
const seconds = (timeMs: number): string => new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** Block times: 40 blocks, 300 ms apart; block 30 opened the batch. */
export const TIMES = Array.from({ length: 41 }, (_, height) => NOON_MS + height * 300);
const OPENED_AT = 30;
export const zero = new Uint8Array(32);

function header(height: number): Uint8Array {
  return encode(Header, {
    version: 1, height, timeMs: TIMES[height] ?? 1, prevBlockId: zero, prevCommitHash: zero, txRoot: zero, txCount: 0, resultRoot: zero, stateRoot: zero, validatorsHash: zero, nextValidatorsHash: zero,
    evidenceRoot: zero, proposerIndex: 0, round: 0,
  });
}

function batchView(lot: OpenLot): Partial<BatchDetail> {
  const { batch, ...fields } = lot;
  const row: stateRows.BatchRow = { ...fields, state: 1, onHold: 0, issuedMl: 0n, availableMl: 0n, heldMl: 0n, redeemedMl: 0n, owedOutMl: 0n };
  return {
    batchKey: toHex(batch), openedAt: seconds(lot.openedAtMs), attempt: lot.attempt, state: 'open', profileHash: toHex(lot.profileHash), height: 40, row: toBase64Url(encode(ROWS.batch.value, row)),
    attestations: [{ attempt: 1, oracle: formatAddress(ORACLE.address), name: '', volume: '990.000', reject: 0, readingsRoot: toHex(zero) }],
  };
}

function registryView(registry: Registry, height: number): object {
  const party = (row: { account: Uint8Array; status: number }) => ({ address: formatAddress(row.account), name: '', status: STATUS[row.status] });
  return {
    height, blockHash: '', timeMs: TIMES[height], oracles: [], reporters: [],
    roles: { regulator: formatAddress(registry.regulator), campusAuthority: formatAddress(registry.regulator), treasury: formatAddress(registry.regulator) },
    devices: [...registry.devices.values()].map((row) => ({
      device: toHex(row.device), alg: 'ed25519', publicKey: toHex(row.publicKey), owner: formatAddress(row.owner), site: toHex(row.site), fromMs: row.fromMs, untilMs: row.untilMs,
      calibration: toHex(row.calibration), calibratedUntilMs: row.calibratedUntilMs, status: STATUS[row.status],
    })),
    farms: [...registry.farms.values()].map(party),
    plants: [...registry.plants.values()].map((row) => ({ ...party(row), profileHash: toHex(row.profileHash) })),
    meters: [...registry.meters.values()].map((row) => ({ meter: toHex(row.meter), plant: formatAddress(row.plant), total: '0.000' })),
  };
}

export interface TestNode {
  readonly url: string;
  /** Newest final block; the registry changes that are final: height of the block and what it made of the registry. */
  height: number;
  readonly changes: { readonly height: number; readonly registry: Registry }[];
  lot: OpenLot;
  refusal: { code: string; status: number } | undefined;
  readonly posted: string[];
}

export async function startNode(t: { teardown(fn: () => unknown): unknown }): Promise<TestNode & { registry: Registry }> {
  const world = makeWorld();
  const { lot } = makeLot(world, usualReadings(world), { lot: { openedAtMs: TIMES[OPENED_AT] as number } });
  const app = Fastify();
  const problem = ({ code, status }: { code: string; status: number }) => ({ type: '', title: code, status, detail: '', instance: '', code, retryable: false });
  const absent = { code: 'not_found', status: 404 };
  app.get('/api/v1/status', async () => ({ height: node.height, genesisHash: toHex(GENESIS) }));
  app.get<{ Querystring: { height?: string } }>('/api/v1/registry', async ({ query }, reply) => {
    const height = Number(query.height ?? node.height);
    if (height > node.height) return reply.code(404).type('application/problem+json').send(problem(absent));
    return registryView(node.changes.findLast((change) => change.height <= height)?.registry ?? world.registry, height);
  });
  app.get<{ Params: { id: string } }>('/api/v1/blocks/:id', async ({ params }) => {
    const height = Number(params.id);
    const transactions = height === OPENED_AT ? [{ txHash: '', kind: 'openBatch', code: 0, fault: null }] : [];
    return { height, header: toBase64Url(header(height)), transactions };
  });
  app.get('/api/v1/batches', async () => ({ data: [batchView(node.lot)], nextCursor: null }));
  app.get<{ Params: { id: string } }>('/api/v1/batches/:id', async ({ params }, reply) =>
    (params.id === toHex(node.lot.batch) ? batchView(node.lot) : reply.code(404).type('application/problem+json').send(problem(absent))));
  app.post<{ Body: { tx: string } }>('/api/v1/transactions', async ({ body }, reply) => {
    node.posted.push(body.tx);
    if (node.refusal !== undefined) return reply.code(node.refusal.status).type('application/problem+json').send(problem(node.refusal));
    return reply.code(202).send({ txHash: expectedHash, status: 'pending' });
  });
  app.get<{ Params: { id: string } }>('/api/v1/transactions/:id', async ({ params }, reply) =>
    (params.id === expectedHash ? { txHash: params.id, status: 'final', kind: 'attest', height: 1, index: 0, code: 0, fault: null, time: null } : reply.code(404).type('application/problem+json').send(problem(absent))));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());
  const node: TestNode & { registry: Registry } = { url, height: 40, changes: [], lot, refusal: undefined, posted: [], registry: world.registry };
  return node;
}

const judgement = (() => {
  const world = makeWorld();
  const made = makeLot(world, usualReadings(world));
  return attestOf(made.lot, judgeLot(bench, { ...made, registry: world.registry, profile: MY_PROFILE }));
})();
export const ROUND = signRound(GENESIS, ORACLE, judgement, NOON_MS, 1);
export const expectedHash = ROUND.txHash;
