/** The chain through a node's HTTP API: what an oracle that trusts its own node reads and sends. */
import { equalBytes, FAULTS, stateRows, toHex, type FaultCode } from '@billcoin/protocol';
import { ApiError, decodeTransaction, getBatch, getRegistry, getStatus, getTransaction, listBatches, sendTransaction, type Client, type Registry as RegistryView } from '@billcoin/sdk';
import type { OpenLot } from '../closing/openLot.ts';
import { ALG } from '../reading/signature.ts';
import { PASSING_CODES, type ChainReader, type StatementOnChain, type Submission } from './chainReader.ts';
import { address, AnswerError, blockTimeMs, hex, litres, makeLotReader, OPEN_BATCHES_MAX } from './lotReader.ts';
import type { Registry } from './registry.ts';

const PAGE = 100;
const STATUS = { active: stateRows.ACTIVE, suspended: stateRows.SUSPENDED, revoked: stateRows.REVOKED } as const;

const addressHex = (text: string): string => toHex(address(text));

function registryOf(view: RegistryView): Registry {
  return {
    height: view.height, timeMs: view.timeMs, regulator: address(view.roles.regulator),
    devices: new Map(view.devices.map((row) => [row.device, {
      device: hex(row.device), alg: ALG[row.alg], publicKey: hex(row.publicKey), owner: address(row.owner), site: hex(row.site), fromMs: row.fromMs, untilMs: row.untilMs,
      calibration: hex(row.calibration), calibratedUntilMs: row.calibratedUntilMs, status: STATUS[row.status],
    }])),
    farms: new Map(view.farms.map((row) => [addressHex(row.address), { account: address(row.address), status: STATUS[row.status] }])),
    plants: new Map(view.plants.map((row) => [addressHex(row.address), { account: address(row.address), status: STATUS[row.status], profileHash: hex(row.profileHash) }])),
    meters: new Map(view.meters.map((row) => [row.meter, { meter: hex(row.meter), plant: address(row.plant) }])),
  };
}

/** Genesis has no header; nothing is judged at height 0. */
async function timeOf(client: Client, height: number): Promise<number> {
  return height === 0 ? 0 : blockTimeMs(client, height);
}

async function readOpenBatches(client: Client, readLot: ReturnType<typeof makeLotReader>): Promise<readonly OpenLot[]> {
  const lots: OpenLot[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listBatches>> = await listBatches(client, { state: 'open', limit: PAGE, ...(cursor === null ? {} : { cursor }) });
    for (const { batchKey, attempt } of page.data) {
      const lot = await readLot(batchKey, attempt);
      if (lot !== undefined) lots.push(lot);
    }
    cursor = page.nextCursor;
  } while (cursor !== null && lots.length < OPEN_BATCHES_MAX);
  return lots;
}

async function readAttestation(client: Client, batch: Uint8Array, attempt: number, oracle: Uint8Array): Promise<StatementOnChain | undefined> {
  const detail = await orAbsent(getBatch(client, { batchKey: toHex(batch) }));
  const held = detail?.attestations.find((row) => row.attempt === attempt && equalBytes(address(row.oracle), oracle));
  if (detail === undefined || held === undefined) return undefined;
  // The chain takes only statements with the profile hash of the batch row.
  return { volumeMl: litres(held.volume), reject: held.reject, readingsRoot: hex(held.readingsRoot), profileHash: hex(detail.profileHash) };
}

async function submit(client: Client, genesisHash: Uint8Array, txBytes: Uint8Array): Promise<Submission> {
  const decoded = decodeTransaction(genesisHash, txBytes);
  if (!decoded.ok) throw new AnswerError('The outbox holds bytes that are no transaction of this network.');
  try {
    return { ok: true, state: (await sendTransaction(client, decoded.value.draft)).status };
  } catch (error) {
    return refusalOf(error);
  }
}

/** A ChainReader on a client of the sdk. */
export function makeHttpChain(client: Client, genesisHash: Uint8Array): ChainReader {
  const readLot = makeLotReader(client);
  return {
    genesisHash,
    async latest() {
      const { height } = await getStatus(client);
      return { height, timeMs: await timeOf(client, height) };
    },
    async registryAt(height) {
      const view = await orAbsent(getRegistry(client, { height }));
      return view === undefined ? undefined : registryOf(view);
    },
    openBatches: () => readOpenBatches(client, readLot),
    attestation: (batch, attempt, oracle) => readAttestation(client, batch, attempt, oracle),
    submit: (txBytes) => submit(client, genesisHash, txBytes),
    txStatus: async (txHash) => (await orAbsent(getTransaction(client, { txHash })))?.status,
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
