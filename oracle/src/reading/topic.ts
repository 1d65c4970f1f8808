/** MQTT topics of the oracle page §2.2. Device and batch are hex, plant and oracle address text, all lower case. */
import { ATTEMPTS_MAX, formatAddress, toHex } from '@billcoin/protocol';

export interface ReadingTopic {
  readonly site: string;
  /** Hex of the 16-byte device id. */
  readonly device: string;
  /** r: one reading, rb: a batch. */
  readonly suffix: 'r' | 'rb';
}

export interface ManifestTopic {
  readonly site: string;
  readonly plant: string;
  /** Hex of the 32-byte batch key. */
  readonly batch: string;
  readonly attempt: number;
}

const SITE = '[a-z0-9-]{1,16}';
const READING = new RegExp(`^mmu/v1/(${SITE})/([0-9a-f]{32})/(r|rb)$`);
const MANIFEST = new RegExp(`^mmu/v1/(${SITE})/(bill1[02-9ac-hj-np-z]{38})/manifest/([0-9a-f]{64})/([1-${ATTEMPTS_MAX}])$`);

/** Filters an oracle subscribes to, all QoS 1. */
export const ORACLE_FILTERS = ['mmu/v1/+/+/r', 'mmu/v1/+/+/rb', 'mmu/v1/+/+/manifest/+/+'] as const;

/** The parts of a reading topic, or undefined where it has another shape (rule R01). */
export function parseReadingTopic(topic: string): ReadingTopic | undefined {
  const match = READING.exec(topic);
  if (match === null) return undefined;
  const [, site = '', device = '', suffix] = match;
  return { site, device, suffix: suffix as ReadingTopic['suffix'] };
}

/** Which suffix a topic ends with, even where the rest has a wrong shape: it says how to open the payload. */
export function readingSuffix(topic: string): ReadingTopic['suffix'] | undefined {
  return topic.endsWith('/rb') ? 'rb' : topic.endsWith('/r') ? 'r' : undefined;
}

export function parseManifestTopic(topic: string): ManifestTopic | undefined {
  const match = MANIFEST.exec(topic);
  if (match === null) return undefined;
  const [, site = '', plant = '', batch = '', attempt = ''] = match;
  return { site, plant, batch, attempt: Number(attempt) };
}

export function readingTopic(site: string, device: Uint8Array, suffix: ReadingTopic['suffix']): string {
  return `mmu/v1/${site}/${toHex(device)}/${suffix}`;
}

/** Retained, cleared by the plant after the mint. */
export function manifestTopic(site: string, plant: Uint8Array, batch: Uint8Array, attempt: number): string {
  return `mmu/v1/${site}/${formatAddress(plant)}/manifest/${toHex(batch)}/${attempt}`;
}

export function receiptTopic(device: Uint8Array, oracle: Uint8Array): string {
  return `mmu/v1/rcpt/${toHex(device)}/${formatAddress(oracle)}`;
}
