/** Accounts of programs: partners of one merchant, services of the campus. Their secret is drawn here and told once. */
import { toHex } from '@billcoin/protocol';
import type { Program, Programs } from '../../authPorts.ts';
import type { Clock, KeyValueStore } from '../../ports.ts';
import { ulid } from '../crockford.ts';
import { equalSecret, secretMac } from '../crypto.ts';
import type { CampusKeys } from '../keyFile.ts';
import type { Lane } from '../lane.ts';
import { deleteRow, getRow, putRow, TABLES, type ClientRow } from '../store.ts';
import { makeSecret } from './secrets.ts';
import { pageOf } from './users.ts';

const CLIENT_PREFIX = 'cli_';

export interface ProgramDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly clock: Clock;
  readonly lane: Lane;
  readonly endAll: (subject: string) => Promise<void>;
}

const hashOf = (keys: CampusKeys, secret: string): string => toHex(secretMac(keys, 'client', secret));

/** Compared with where there is no program. */
const NOBODYS_HASH = '0'.repeat(64);

/** Whether this is the secret of the program; an unknown program costs the same. */
export function isSecretOf(keys: CampusKeys, row: ClientRow | undefined, secret: string): boolean {
  const held = row?.secretHash ?? NOBODYS_HASH;
  return equalSecret(Buffer.from(hashOf(keys, secret)), Buffer.from(held)) && row !== undefined;
}

function programOf(clientId: string, { name, role, merchantId, createdAtMs }: ClientRow): Program {
  return { clientId, name, role, merchantId, createdAtMs };
}

export function openPrograms({ store, keys, clock, lane, endAll }: ProgramDeps): Programs {
  return {
    async add({ name, role, merchantId }) {
      if (role === 'partner' && merchantId === null) return { ok: false, code: 'merchant_missing' };
      const clientSecret = makeSecret();
      const clientId = CLIENT_PREFIX + ulid(clock.nowMs());
      const row: ClientRow = { name, role, merchantId: role === 'partner' ? merchantId : null, secretHash: hashOf(keys, clientSecret), createdAtMs: clock.nowMs() };
      await lane.run(() => store.batch([putRow(TABLES.client, clientId, row)], { sync: true }));
      return { ok: true, program: programOf(clientId, row), clientSecret };
    },
    async get(clientId) {
      const row = await getRow(store, TABLES.client, clientId);
      return row === undefined ? undefined : programOf(clientId, row);
    },
    list: (limit, before) => pageOf(store, TABLES.client, programOf, limit, before),
    async remove(clientId) {
      const isGone = await lane.run(async () => {
        if ((await getRow(store, TABLES.client, clientId)) === undefined) return false;
        await store.batch([deleteRow(TABLES.client, clientId)], { sync: true });
        return true;
      });
      if (isGone) await endAll(clientId);
      return isGone;
    },
  };
}
