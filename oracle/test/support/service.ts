/** The shell round a test: a store in a fresh folder, a silent log, conditions with a deadline. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { toHex } from '@billcoin/protocol';
import { MY_PROFILE, profileHash, type Log, type Registry } from '@billcoin/oracle';
import type { Desk } from '../../src/intake/takeMessage.ts';
import { bench } from './world.ts';

export async function freshFolder(t: { teardown(fn: () => unknown): unknown }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-oracle-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that keeps its lines. */
export function keepingLog(): Log & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string): void => void lines.push({ level, fields: fields as Record<string, unknown>, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Waits until a condition holds; fails after 20 seconds unless told otherwise: generous, because other tests run beside it. */
export async function until<T>(what: string, holds: () => T | undefined | false | Promise<T | undefined | false>, timeoutMs = 20_000): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await holds();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`still waiting for: ${what}`);
    await setTimeout(10);
  }
}

export function deskOf(registry: Registry, mayKeep: Desk['mayKeep'] = () => true): Desk {
  return { bench, profile: MY_PROFILE, profileHashHex: toHex(profileHash(MY_PROFILE)), registry, mayKeep };
}
