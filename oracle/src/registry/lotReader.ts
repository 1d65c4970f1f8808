/** Open batches as the node's API shows them, brought to the exact fields a judgement rests on. */
import { decode, fromBase64Url, fromHex, Header, parseAddress, parseLitres, ROWS } from '@billcoin/protocol';
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

/** The lot from the bytes of its state row: the JSON has whole seconds, a judgement needs the exact fields. */
function lotOf(batchKey: string, detail: BatchDetail): OpenLot {
  const row = decode(ROWS.batch.value, must(fromBase64Url(detail.row), 'row'));
  if (!row.ok) throw new AnswerError(`The node's row of batch ${batchKey} does not decode.`);
  return { ...row.value, batch: hex(batchKey) };
}

/** Reads batches, each (batch, attempt) once: its fields do not change while it is open. */
export function makeLotReader(client: Client): (batchKey: string, attempt: number) => Promise<OpenLot | undefined> {
  const cache = new Map<string, OpenLot>();
  return async (batchKey, attempt) => {
    const known = cache.get(`${batchKey}/${attempt}`);
    if (known !== undefined) return known;
    const detail = await getBatch(client, { batchKey });
    if (detail.state !== 'open') return undefined;
    const lot = lotOf(batchKey, detail);
    if (cache.size >= OPEN_BATCHES_MAX) cache.clear();
    cache.set(`${batchKey}/${lot.attempt}`, lot);
    return lot;
  };
}
