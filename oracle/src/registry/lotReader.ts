/** Open batches as the node's API shows them, brought to the exact fields a judgement rests on. */
import { decode, fromBase64Url, fromHex, Header, parseAddress, parseLitres, ROWS, type stateRows } from '@billcoin/protocol';
import { getBatch, getBlock, type BatchDetail, type Client } from '@billcoin/sdk';
import type { OpenLot } from '../closing/openLot.ts';

/** Open batches kept so that a pass asks only for new ones: 8 a plant, 128 plants. */
export const OPEN_BATCHES_MAX = 1_024;

/** The node answered something that cannot be: another version, or not our node. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

export function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new AnswerError(`The node's answer holds no ${what}. Check that node and oracle are of one version.`);
  return value;
}

export const hex = (text: string): Uint8Array => must(fromHex(text), `hex in ${text}`);
export const address = (text: string): Uint8Array => must(parseAddress(text), `address in ${text}`);
export const litres = (text: string): bigint => must(parseLitres(text), `litres in ${text}`);

/** Time of a block in ms, from its header bytes: the JSON has whole seconds. */
export async function blockTimeMs(client: Client, height: number): Promise<number> {
  const block = await getBlock(client, { heightOrHash: height });
  const header = decode(Header, must(fromBase64Url(block.header), 'header'));
  if (!header.ok) throw new AnswerError(`The node's header at height ${height} does not decode.`);
  return header.value.timeMs;
}

/** The batch row behind an answer: only its bytes have the opening time in milliseconds, which a judgement needs. */
function rowOf(detail: BatchDetail): stateRows.BatchRow | undefined {
  const row = detail.proof?.row;
  if (row === undefined || row === null) return undefined;
  const decoded = decode(ROWS.batch.value, must(fromBase64Url(row), 'row'));
  return decoded.ok ? decoded.value : undefined;
}

function lotOfView(detail: BatchDetail, openedAtMs: number): OpenLot {
  return {
    batch: hex(detail.batchKey), plant: address(detail.plant), lot: hex(detail.lot), productionDate: Number(detail.productionDate.replaceAll('-', '')),
    expiresAtMs: Date.parse(detail.expiresAt), claimMl: litres(detail.claim), meter: hex(detail.meter), totalFrom: litres(detail.totalFrom), totalTo: litres(detail.totalTo),
    shares: detail.shares.map(({ farm, weight }) => ({ farm: address(farm), weightMl: litres(weight) })), manifestHash: hex(detail.manifestHash), attempt: detail.attempt,
    profileHash: hex(detail.profileHash), openedAtMs,
  };
}

/**
 * The opening time from the blocks, where the node sends no row bytes: the first block of that second that holds an
 * openBatch. Two lots opened in different blocks of one second are both taken for the first.
 * PERF: log2(height) block reads, once a batch.
 */
async function searchOpening(client: Client, detail: BatchDetail): Promise<number> {
  const secondMs = Date.parse(detail.openedAt);
  let low = 1;
  let high = detail.height;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await blockTimeMs(client, middle) < secondMs) low = middle + 1;
    else high = middle;
  }
  for (let height = low; height <= detail.height; height++) {
    const timeMs = await blockTimeMs(client, height);
    if (timeMs >= secondMs + 1_000) break;
    const { transactions } = await getBlock(client, { heightOrHash: height });
    if (transactions.some(({ kind, code }) => kind === 'openBatch' && code === 0)) return timeMs;
  }
  throw new AnswerError(`No block at ${detail.openedAt} holds an openBatch.`);
}

/** Reads batches, each (batch, attempt) once: its fields do not change while it is open. */
export function makeLotReader(client: Client): (batchKey: string, attempt: number) => Promise<OpenLot | undefined> {
  const cache = new Map<string, OpenLot>();
  return async (batchKey, attempt) => {
    const known = cache.get(`${batchKey}/${attempt}`);
    if (known !== undefined) return known;
    const detail = await getBatch(client, { batchKey });
    if (detail.state !== 'open') return undefined;
    const row = rowOf(detail);
    const lot = row === undefined ? lotOfView(detail, await searchOpening(client, detail)) : { ...row, batch: hex(batchKey) };
    if (cache.size >= OPEN_BATCHES_MAX) cache.clear();
    cache.set(`${batchKey}/${lot.attempt}`, lot);
    return lot;
  };
}
