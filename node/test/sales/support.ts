/** Sales of a world as its campus tells them, without HTTP. */
import { text } from 'node:stream/consumers';

import { buildTransfer, type Key } from '@billcoin/sdk';
import type { DayReport } from '../../src/campusPorts.ts';
import type { World } from '../support/campusWorld.ts';

export const utc = (time: string): number => Date.parse(time);

export async function csvOf(world: World, month: string, tz = 'UTC'): Promise<string> {
  const exported = await world.campus.sales.exportMonth({ month, tz, bom: false });
  if (!exported.ok) throw new Error(exported.code);
  return await text(exported.csv);
}

/** Cells of each line after the header; cells here have no commas. */
export async function rowsOf(world: World, month: string, tz = 'UTC'): Promise<readonly (readonly string[])[]> {
  return (await csvOf(world, month, tz)).split('\r\n').slice(1, -1).map((line) => line.split(','));
}

export async function reportOf(world: World, date: string, tz = 'UTC', of: { readonly tillNo?: number; readonly merchant?: string } = {}): Promise<DayReport> {
  const result = await world.campus.sales.daily({ date, tz, ...of });
  if (!result.ok) throw new Error(result.code);
  return result.report;
}

/** Pays one carton. */
export async function buy(world: World, payer: Key): Promise<{ readonly txHash: string; readonly ref: Uint8Array }> {
  const order = world.order();
  const txHash = await world.pay(payer, order.invoice);
  await world.block();
  return { txHash, ref: order.ref };
}

/** A Transfer that names another one. */
export async function transferBack(world: World, from: Key, to: Uint8Array, amountMl: bigint, reference: string): Promise<string> {
  const draft = buildTransfer({ genesisHash: world.chain.genesisHash, validUntilMs: world.nowMs + 60_000, sender: from.address, to, amountMl, reference: new Uint8Array(Buffer.from(reference, 'hex')) });
  return await world.submit(draft, from);
}

