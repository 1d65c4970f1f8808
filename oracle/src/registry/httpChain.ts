/** The chain through a node's HTTP API: what an oracle that trusts its own node reads and sends. */
import {
  decode, FAULTS, fromBase64Url, fromHex, Header, parseAddress, parseLitres, ROWS, stateRows, type FaultCode,
} from '@billcoin/protocol';
import {
  ApiError, decodeTransaction, getBatch, getBlock, getRegistry, getStatus, getTransaction, listBatches, sendTransaction, type BatchDetail, type Client, type Registry as RegistryView,
} from '@billcoin/sdk';
import type { OpenLot } from '../closing/openLot.ts';
import { ALG } from '../reading/signature.ts';
import { PASSING_CODES, type ChainReader, type Submission } from './chainReader.ts';
import type { Registry } from './registry.ts';

/** Open batches read in one pass: 8 a plant, 128 plants. */
const OPEN_BATCHES_READ_MAX = 1_024;
/** Open batches kept so that a pass asks only for new ones. */
const CACHE_MAX = OPEN_BATCHES_READ_MAX;

const STATUS = { active: stateRows.ACTIVE, suspended: stateRows.SUSPENDED, revoked: stateRows.REVOKED } as const;

/** The node answered something that cannot be: another version, or not our node. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new AnswerError(`The node's answer holds no ${what}. Check that node and oracle are of one version.`);
  return value;
}

const hex = (text: string): Uint8Array => must(fromHex(text), `hex in ${text}`);
const address = (text: string): Uint8Array => must(parseAddress(text), `address in ${text}`);
const litres = (text: string): bigint => must(parseLitres(text), `litres in ${text}`);

function registryOf(view: RegistryView, height: number, timeMs: number): Registry {
  return {
    height, timeMs,
    devices: new Map(view.devices.map((row) => [row.device, {
      device: hex(row.device), alg: ALG[row.alg], publicKey: hex(row.publicKey), owner: address(row.owner), site: hex(row.site), fromMs: row.fromMs, untilMs: row.untilMs,
      calibration: hex(row.calibration), calibratedUntilMs: row.calibratedUntilMs, status: STATUS[row.status],
    }])),
    farms: new Map(view.farms.map((row) => [hexOf(row.address), { account: address(row.address), status: STATUS[row.status] }])),
    plants: new Map(view.plants.map((row) => [hexOf(row.address), { account: address(row.address), status: STATUS[row.status], profileHash: hex(row.profileHash) }])),
    meters: new Map(view.meters.map((row) => [row.meter, { meter: hex(row.meter), plant: address(row.plant) }])),
  };
}

const hexOf = (text: string): string => Buffer.from(address(text)).toString('hex');

/** The batch row behind an answer: only its bytes have the opening time in milliseconds, which a judgement needs. */
function rowOf(detail: BatchDetail): stateRows.BatchRow | undefined {
  const row = detail.proof?.row;
  if (row === undefined || row === null) return undefined;
  const decoded = decode(ROWS.batch.value, must(fromBase64Url(row), 'row'));
  return decoded.ok ? decoded.value : undefined;
}

function lotFromView(detail: BatchDetail, openedAtMs: number): OpenLot {
  return {
    batch: hex(detail.batchKey), plant: address(detail.plant), lot: hex(detail.lot), productionDate: Number(detail.productionDate.replaceAll('-', '')),
    expiresAtMs: Date.parse(detail.expiresAt), claimMl: litres(detail.claim), meter: hex(detail.meter), totalFrom: litres(detail.totalFrom), totalTo: litres(detail.totalTo),
    shares: detail.shares.map(({ farm, weight }) => ({ farm: address(farm), weightMl: litres(weight) })), manifestHash: hex(detail.manifestHash), attempt: detail.attempt,
    profileHash: hex(detail.profileHash), openedAtMs,
  };
}

export function makeHttpChain(client: Client, genesisHash: Uint8Array): ChainReader {
  const cache = new Map<string, OpenLot>();

  async function timeOf(height: number): Promise<number> {
    const block = await getBlock(client, { heightOrHash: height });
    const header = decode(Header, must(fromBase64Url(block.header), 'header'));
    if (!header.ok) throw new AnswerError(`The node's header at height ${height} does not decode.`);
    return header.value.timeMs;
  }

  /**
   * The opening time from the blocks, where the node sends no row bytes: its JSON has whole seconds. The first block of
   * that second that holds an openBatch. Two lots opened in different blocks of one second are taken for the first.
   */
  async function searchOpening(detail: BatchDetail): Promise<number> {
    const secondMs = Date.parse(detail.openedAt);
    let low = 1;
    let high = detail.height;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (await timeOf(middle) < secondMs) low = middle + 1;
      else high = middle;
    }
    for (let height = low; height <= detail.height; height++) {
      const timeMs = await timeOf(height);
      if (timeMs >= secondMs + 1_000) break;
      const { transactions } = await getBlock(client, { heightOrHash: height });
      if (transactions.some(({ kind, code }) => kind === 'openBatch' && code === 0)) return timeMs;
    }
    throw new AnswerError(`No block at ${detail.openedAt} holds an openBatch.`);
  }

  async function readLot(batchKey: string, attempt: number): Promise<OpenLot | undefined> {
    const known = cache.get(`${batchKey}/${attempt}`);
    if (known !== undefined) return known;
    const detail = await getBatch(client, { batchKey });
    if (detail.state !== 'open') return undefined;
    const row = rowOf(detail);
    const lot = row === undefined ? lotFromView(detail, await searchOpening(detail)) : { ...row, batch: hex(batchKey) };
    if (cache.size >= CACHE_MAX) cache.clear();
    cache.set(`${batchKey}/${lot.attempt}`, lot);
    return lot;
  }

  return {
    genesisHash,
    async latest() {
      const { height } = await getStatus(client);
      return { height, timeMs: height === 0 ? 0 : await timeOf(height) };
    },
    /**
     * Rows that rules look at change only by kinds 8–15, which are not active in this version: the newest registry is
     * that of every height. Once they are, the route must take a height.
     */
    async registryAt(height) {
      const view = await getRegistry(client);
      if (height > view.height) return undefined;
      return registryOf(view, height, height === 0 ? 0 : await timeOf(height));
    },
    async openBatches() {
      const lots: OpenLot[] = [];
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof listBatches>> = await listBatches(client, { state: 'open', limit: 100, ...(cursor === null ? {} : { cursor }) });
        for (const { batchKey, attempt } of page.data) {
          const lot = await readLot(batchKey, attempt);
          if (lot !== undefined) lots.push(lot);
        }
        cursor = page.nextCursor;
      } while (cursor !== null && lots.length < OPEN_BATCHES_READ_MAX);
      return lots;
    },
    async attestation(batch, attempt, oracle) {
      const detail = await orAbsent(getBatch(client, { batchKey: Buffer.from(batch).toString('hex') }));
      const held = detail?.attestations.find((row) => row.attempt === attempt && Buffer.compare(address(row.oracle), oracle) === 0);
      if (detail === undefined || held === undefined) return undefined;
      // The chain takes only statements with the profile hash of the batch row.
      return { volumeMl: litres(held.volume), reject: held.reject, readingsRoot: hex(held.readingsRoot), profileHash: hex(detail.profileHash) };
    },
    async submit(txBytes) {
      const decoded = decodeTransaction(genesisHash, txBytes);
      if (!decoded.ok) throw new AnswerError('The outbox holds bytes that are no transaction of this network.');
      try {
        return { ok: true, state: (await sendTransaction(client, decoded.value.draft)).status };
      } catch (error) {
        return refusalOf(error);
      }
    },
    async txStatus(txHash) {
      return (await orAbsent(getTransaction(client, { txHash })))?.status;
    },
  };
}

/** The answer, or undefined where the node says that there is none. */
async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** A refusal of the chain or the pool as a value; anything else is a node that cannot be reached now. */
function refusalOf(error: unknown): Submission {
  if (!(error instanceof ApiError)) throw error;
  const { code } = error;
  if (!(code in FAULTS) && code !== 'pool_full') throw error;
  return { ok: false, code: code as FaultCode | 'pool_full', passing: PASSING_CODES.has(code) };
}
