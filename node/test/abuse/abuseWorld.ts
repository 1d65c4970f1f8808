/** People who pay too often, for tests of abuse control. */
import { verifyEd25519 } from '@billcoin/protocol';
import { createClient, encodeTransaction, linkWallet, type Key, type TxDraft } from '@billcoin/sdk';
import type { AbuseControl, FlagRow } from '../../src/abusePorts.ts';
import { openAbuseControl, type AlertTarget } from '../../src/campus/abuseControl.ts';
import { openCampusKeys } from '../../src/campus/keyFile.ts';
import { Pseudonyms } from '../../src/campus/wallets.ts';
import { makeLog } from '../../src/log.ts';
import { makeKeyFolder, openWorld, type Answer, type Teardown, type World, type WorldOptions } from '../support/campusWorld.ts';

export const silent = makeLog({ level: 'error', nodeName: 'test', write: () => undefined });

export type Headers = Readonly<Record<string, string>>;

/** A request from another address than this machine. */
export const from = (address: string): Headers => ({ 'x-test-address': address });

export interface AbuseWorld {
  readonly world: World;
  readonly keyFolder: string;
  /** Abuse control of one more node on the same store; after a restart it is the same. */
  another(alerts?: AlertTarget): Promise<AbuseControl & { close(): Promise<void> }>;
}

/** Requests that carry a header X-Test-Address come from there, all others from this machine. */
export async function openAbuseWorld(t: Teardown, options: Pick<WorldOptions, 'alerts'> = {}): Promise<AbuseWorld> {
  const keyFolder = await makeKeyFolder(t);
  const world = await openWorld(t, { ...options, keyFolder, remoteAddress: ({ headers }) => String(headers['x-test-address'] ?? '127.0.0.1') });
  const { keys } = await openCampusKeys(keyFolder);
  return {
    world, keyFolder,
    async another(alerts = { webhookFile: undefined, allowLoopback: false }) {
      const { chain, store } = world;
      const opened = await openAbuseControl({ chain, store, keys, clock: chain.clock, log: silent, verify: verifyEd25519, pseudonyms: new Pseudonyms({ store, keys }), alerts });
      t.teardown(opened.close);
      return opened;
    },
  };
}

/** Links wallets to one new student. */
export async function linkAll(world: World, studentId: string, ...wallets: readonly Key[]): Promise<void> {
  const imported = await world.campus.students.importRoster(`studentId\n${studentId}`);
  if (!imported.ok) throw new Error('roster refused');
  let [code] = imported.codes.map(({ linkCode }) => linkCode);
  const ref = imported.codes[0]?.studentRef ?? '';
  for (const key of wallets) {
    await linkWallet(createClient({ baseUrl: world.api.url }), { linkCode: code ?? '', key, genesisHash: world.chain.genesisHash });
    code = (await world.campus.students.renewLinkCode(ref))?.linkCode;
  }
}

/** A fresh Pay of a fresh order. */
export function freshPay(world: World, payer: Key): TxDraft {
  return world.payDraft(payer, world.order().invoice);
}

/** 'counted', 'full' or 'none' of a Pay that is posted. */
export async function attempt(abuse: AbuseControl, draft: TxDraft | Uint8Array): Promise<'counted' | 'full' | 'none'> {
  const made = await abuse.limits.attemptOfPay(draft instanceof Uint8Array ? draft : encodeTransaction(draft));
  return made === undefined ? 'none' : made.state.ok ? 'counted' : 'full';
}

export async function openFlagsOf(abuse: AbuseControl): Promise<readonly FlagRow[]> {
  return (await abuse.flags.list({ status: 'open', limit: 100 })).flags;
}

export async function postPay(world: World, payer: Key, headers: Headers = {}): Promise<Answer> {
  return await world.post('/transactions', { tx: world.textOf(freshPay(world, payer)) }, headers);
}
