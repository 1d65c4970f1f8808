/** Builds the campus services of one node: their keys, their rows, and the one reader that follows the chain for them. */
import { toHex, verifyEd25519, type Verifier } from '@billcoin/protocol';
import type { Signer } from '@billcoin/sdk';
import type { Campus } from '../campusPorts.ts';
import type { ChainPort, Clock, KeyValueStore, Log } from '../ports.ts';
import type { ExportSigner } from '../sales/manifest.ts';
import { openAuth } from './auth/auth.ts';
import type { ScryptCost } from './auth/secrets.ts';
import { openAbuseControl, type AlertTarget } from './abuseControl.ts';
import { openChallenges } from './challenge.ts';
import { firstKeyFingerprint, keyFingerprint, pseudonymKeyId } from './crypto.ts';
import { openEndWaiter } from './endWaiter.ts';
import { erase } from './erase.ts';
import { startFollower } from './follower.ts';
import { openIdempotency } from './idempotency.ts';
import { openCampusKeys, type CampusKeys } from './keyFile.ts';
import { openLane } from './lane.ts';
import { openLoyalty } from './loyalty.ts';
import { openOrderEvents } from './orderEvents.ts';
import { openOpenOrders } from './openOrders.ts';
import { openOrders } from './orders.ts';
import { openPayments } from './payments.ts';
import { openProducts } from './products.ts';
import { openRecalledLots } from './recalledLots.ts';
import { openRecalls } from './recalls.ts';
import { openRefunds } from './refunds.ts';
import { openSales } from './sales.ts';
import { openSeenPays } from './seenPays.ts';
import { getRow, ONLY, putRow, TABLES } from './store.ts';
import { openStrays } from './strays.ts';
import { openStudents } from './students.ts';
import { openTills } from './tills/tills.ts';
import { openWallets, Pseudonyms } from './wallets.ts';

export interface CampusDeps {
  readonly chain: ChainPort;
  /** The campus rows, and nothing else, live in this store. */
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Folder of `campus-keys.json`, apart from the data. */
  readonly keyFolder: string;
  /** Registers merchants and tills; only where this node holds its key. */
  readonly campusAuthority?: Signer;
  /** Signs the manifests of exports. */
  readonly exportSigner: ExportSigner;
  /** The node's fast verifier; the portable one where absent. */
  readonly verify?: Verifier;
  /** Nothing is sent unless given. */
  readonly alerts?: AlertTarget;
  /** What a guess at a password costs; the one of production unless given. */
  readonly passwordCost?: ScryptCost;
}

/** Refuses a store of another network or of other keys before anything reads from it. */
export async function checkStore({ chain, store }: { readonly chain: Pick<ChainPort, 'genesisHash'>; readonly store: KeyValueStore }, keys: CampusKeys, keyPath: string): Promise<void> {
  const genesisHash = toHex(chain.genesisHash);
  const keyCheck = keyFingerprint(keys);
  const held = await getRow(store, TABLES.genesis, ONLY);
  const write = async (): Promise<void> => await store.batch([putRow(TABLES.genesis, ONLY, { genesisHash, keyCheck })], { sync: true });
  if (held === undefined) return await write();
  if (held.genesisHash !== genesisHash) throw new Error(`the campus store belongs to the network with genesis ${held.genesisHash}, not ${genesisHash}; use the data folder of this network`);
  if (held.keyCheck === firstKeyFingerprint(keys)) return await write();
  if (held.keyCheck !== keyCheck) throw new Error(`the campus store was written with other keys than ${keyPath}; restore that file from its backup`);
}

/**
 * Opens keys and store, starts to follow the chain. Rejects where the store is of another network or keys.
 * Close it before the store.
 */
export async function openCampus(deps: CampusDeps): Promise<Campus> {
  const { chain, store, clock, log, verify = verifyEd25519 } = deps;
  const { keys, created, path, rotatePurposes } = await openCampusKeys(deps.keyFolder);
  if (created) log.warn({ path }, 'made new campus keys; back this file up apart from the data: without it the roster cannot be read');
  await checkStore(deps, keys, path);
  const roster = openLane();
  const ledger = openLane();
  const events = openOrderEvents();
  const open = await openOpenOrders(store, events);
  const waiter = openEndWaiter(chain);
  const challenges = openChallenges({ store, keys, clock, verify, genesisHash: chain.genesisHash, chainId: chain.chainId });
  const idempotency = openIdempotency({ store, clock, lane: ledger });
  const pseudonyms = new Pseudonyms({ store, keys });
  const abuse = await openAbuseControl({ chain, store, keys, clock, log, verify, pseudonyms, alerts: deps.alerts ?? { webhookFile: undefined, allowLoopback: false } });
  const auth = await openAuth({ chain, store, keys, clock, keyFolder: deps.keyFolder, pseudonyms, challenges, challengeLane: roster, passwordCost: deps.passwordCost });
  const recalled = await openRecalledLots(store, clock.nowMs());
  const orders = openOrders({ chain, store, clock, lane: ledger, verify, events, idempotency, open, recalled });
  const seenPays = openSeenPays({ chain, store, clock, log, lane: ledger, events, open });
  const follower = await startFollower({ chain, store, keys, lane: ledger, log, events, pseudonymOf: (address, purpose) => pseudonyms.of(address, purpose), open, recalled, atTip: seenPays.reopen });
  const recalls = openRecalls({ chain, store, keys, clock, log, lane: ledger, events, recalled, follower });
  return {
    students: { ...openStudents({ store, keys, clock, lane: roster }), erase: (studentRef) => roster.run(() => erase({ store, keys, pseudonyms, endLogins: auth.endLogins }, studentRef)) },
    wallets: openWallets({ store, keys, clock, lane: roster, challenges, pseudonyms }),
    logins: auth.logins,
    users: auth.users,
    programs: auth.programs,
    cashiers: auth.cashiers,
    orders,
    products: openProducts({ store, clock, lane: ledger, recalled }),
    tills: openTills({ chain, store, keys, clock, lane: roster, waiter, verify, signer: deps.campusAuthority }),
    refunds: openRefunds({ chain, store, clock, lane: ledger, idempotency }),
    payments: openPayments({ chain, store, waiter }),
    loyalty: openLoyalty({ store, keys, follower }),
    sales: openSales({ chain, store, clock, log, cursor: follower.cursor, signer: deps.exportSigner }),
    recalls,
    strays: openStrays({ chain, store, clock, lane: ledger }),
    abuse,
    // In the lane of the blocks: all lines of a block have pseudonyms of one key.
    rotatePseudonyms: () => ledger.run(async () => {
      await rotatePurposes();
      pseudonyms.rotated();
      return pseudonymKeyId(keys);
    }),
    status: () => ({ height: follower.cursor().height, failure: follower.failure() }),
    writesWaiting: () => ({ ledger: ledger.waiting(), roster: roster.waiting(), ...auth.writesWaiting() }),
    remembered: () => ({ tokens: auth.tokensRemembered(), pseudonyms: pseudonyms.remembered, persons: abuse.limits.sizes().persons }),
    caughtUp: follower.caughtUp,
    onBlock: follower.onBlock,
    async close() {
      seenPays.close();
      waiter.close();
      await follower.close();
      await recalls.close();
      await abuse.close();
      await roster.idle();
      await ledger.idle();
      await auth.idle();
    },
  };
}
