/** From readings to BILL: the plant's manifest, OpenBatch, and the wait for the oracles. */
import { batchKeyOf, toHex, utf8, type Genesis } from '@billcoin/protocol';
import { buildManifest, computeShares, manifestTopic, type NamedReading } from '@billcoin/oracle';
import { addSignature, ApiError, buildOpenBatch, getBatch, getStatus, type BatchDetail, type Client, type Key } from '@billcoin/sdk';
import type { DeviceLine } from './deviceLine.ts';
import { mustSettle, pause, persist } from './settle.ts';

/** HTST milk at 4 °C or less keeps 7 to 10 days. */
const SHELF_LIFE_MS = 9 * 86_400_000;
/** Oracles poll once a second; a killed one or a restarted broker costs some seconds more. */
const MINT_PATIENCE_MS = 90_000;
const POLL_MS = 200;
/** A retained manifest is lost with the memory of a broker that was killed. */
const REPUBLISH_MS = 3_000;

export interface Lot {
  readonly text: string;
  readonly readings: readonly NamedReading[];
  readonly filledMl: number;
  /** Total of the custody meter before and after. */
  readonly totalFrom: number;
  readonly totalTo: number;
}

export interface Plant {
  readonly client: Client;
  readonly genesis: Genesis;
  readonly line: DeviceLine;
  readonly key: Key;
  readonly meter: Uint8Array;
}

function dateOf(timeMs: number): number {
  return Number(new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', ''));
}

/** Shares by the rule of the oracles, from the registry of the genesis. */
function sharesOf({ genesis, key }: Plant, { text, readings }: Lot): ReturnType<typeof computeShares> & { readonly ok: true } {
  const byHex = <T>(rows: readonly T[], id: (row: T) => Uint8Array): Map<string, T> => new Map(rows.map((row) => [toHex(id(row)), row]));
  const { devices, farms } = genesis.spec;
  const computed = computeShares(utf8(text), key.address, readings, { devices: byHex(devices, ({ device }) => device), farms: byHex(farms, ({ account }) => account) });
  if (!computed.ok) throw new Error(`lot ${text}: ${computed.why}`);
  return computed;
}

/** Height of a final block: a manifest names the registry it was made under. */
async function firstHeight(client: Client): Promise<number> {
  for (;;) {
    const { height } = await persist(() => getStatus(client));
    if (height > 0) return height;
    await pause(POLL_MS);
  }
}

async function batchOf(client: Client, batchKey: string): Promise<BatchDetail | undefined> {
  try {
    return await persist(() => getBatch(client, { batchKey }));
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** Publishes the manifest until the batch is minted; a rejected batch is an error with the rules that refused it. */
async function waitForMint(plant: Plant, batchKey: string, topic: string, manifest: Uint8Array): Promise<BatchDetail> {
  const endMs = Date.now() + MINT_PATIENCE_MS;
  let publishedMs = 0;
  for (;;) {
    if (Date.now() - publishedMs > REPUBLISH_MS) {
      plant.line.publish(topic, manifest, true);
      publishedMs = Date.now();
    }
    const batch = await batchOf(plant.client, batchKey);
    if (batch?.state === 'minted') {
      plant.line.publish(topic, new Uint8Array(0), true); // an empty retained message clears it
      return batch;
    }
    if (batch?.state === 'rejected') throw new Error(`batch ${batchKey} was rejected by rule ${batch.attestations.map(({ reject }) => reject).join(', ')}`);
    if (Date.now() > endMs) throw new Error(`batch ${batchKey} is ${batch?.state ?? 'unknown'} with ${batch?.attestations.length ?? 0} statements after ${MINT_PATIENCE_MS} ms`);
    await pause(POLL_MS);
  }
}

/** Opens the batch of a lot whose readings oracles have, and waits until it is minted. */
export async function mintLot(plant: Plant, lot: Lot): Promise<BatchDetail> {
  const { client, genesis, key, meter } = plant;
  const height = await firstHeight(client);
  const closedAtMs = Date.now();
  const productionDate = dateOf(closedAtMs);
  const batch = batchKeyOf(key.address, utf8(lot.text), productionDate);
  const manifest = buildManifest({ batch, attempt: 1, closedAtMs, height, readings: lot.readings });
  const topic = manifestTopic('plant', key.address, batch, 1);
  plant.line.publish(topic, manifest.bytes, true);
  const draft = buildOpenBatch({
    genesisHash: genesis.genesisHash, plant: key.address, lot: utf8(lot.text), productionDate, expiresAtMs: closedAtMs + SHELF_LIFE_MS, claimMl: BigInt(lot.filledMl), meter,
    totalFrom: BigInt(lot.totalFrom), totalTo: BigInt(lot.totalTo), shares: sharesOf(plant, lot).shares, manifestHash: manifest.hash, attempt: 1,
  });
  await mustSettle(client, addSignature(draft, key));
  return waitForMint(plant, toHex(batch), topic, manifest.bytes);
}
