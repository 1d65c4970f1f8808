/**
 * Accounts and keys of the campus while no node runs. The first administrator is made this way: whoever may write the data folder is the operator
 * already, and a password that a start prints would stand in the log of every node that ever started.
 */
import type { Genesis } from '@billcoin/protocol';
import type { AuditAction, AuditLog } from '../abusePorts.ts';
import type { Changed, UserChange, Users } from '../authPorts.ts';
import { openAuditLog } from '../campus/audit/auditLog.ts';
import { ACCESS_LIFE_MS } from '../campus/auth/accessToken.ts';
import { openAccounts } from '../campus/auth/auth.ts';
import { openTokenKeys } from '../campus/auth/tokenKeys.ts';
import { checkStore } from '../campus/campus.ts';
import { pseudonymKeyId } from '../campus/crypto.ts';
import { openCampusKeys, type OpenedKeys } from '../campus/keyFile.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';
import { auditDetail, onRecord } from '../onRecord.ts';
import type { KeyValueStore } from '../ports.ts';
import { lockCampus } from '../storage/dataFolder.ts';
import { openKeyValueLevel } from '../storage/keyValueLevel.ts';

type Folders = Pick<Config, 'dataDir' | 'keyDir'>;

interface CampusRows {
  readonly store: KeyValueStore;
  readonly opened: OpenedKeys;
  readonly audit: AuditLog;
}

/** Opens rows and keys of the campus of the stopped node for `work`. Throws StorageFailure `locked` while a node runs on them. */
async function withCampusRows<T>({ dataDir, keyDir }: Folders, { genesisHash }: Pick<Genesis, 'genesisHash'>, work: (rows: CampusRows) => Promise<T>): Promise<T> {
  const fail = (error: Error): never => {
    throw error;
  };
  const { campusPath, release } = await lockCampus(dataDir, genesisHash);
  try {
    const store = await openKeyValueLevel(campusPath, fail);
    try {
      const opened = await openCampusKeys(keyDir);
      await checkStore({ chain: { genesisHash }, store }, opened.keys, opened.path);
      const audit = await openAuditLog({ store, keys: opened.keys, genesisHash, clock: systemClock, verify: verifyEd25519Native });
      return await work({ store, opened, audit });
    } finally {
      await store.close();
    }
  } finally {
    await release();
  }
}

/** Who works at a stopped node is whoever may write its folders. */
const OPERATOR = { role: 'operator', id: '' };

/** What is said of an account, under the names that the API has for it. */
function detailOf({ role, merchantId, isDisabled, newPassword }: Pick<UserChange, 'role' | 'merchantId' | 'isDisabled' | 'newPassword'>): AuditAction['detail'] {
  return auditDetail({ role, merchantId: merchantId ?? undefined, disabled: isDisabled, newPassword });
}

/** What is changed stands in the audit log under the operation ids of the API. */
function recorded(users: Users, audit: AuditLog): Users {
  const refusal = (result: Changed): AuditAction['detail'] | undefined => (result.ok ? undefined : { refused: result.code });
  const made = (result: Changed): AuditAction['detail'] | undefined => (result.ok ? { userId: result.user.userId } : refusal(result));
  return {
    ...users,
    add: (user) => onRecord(audit, { actor: OPERATOR, action: 'createUser', detail: detailOf(user) }, () => users.add(user), made),
    change: (userId, change) => onRecord(audit, { actor: OPERATOR, action: 'changeUser', detail: { userId, ...detailOf(change) } }, () => users.change(userId, change), refusal),
  };
}

/** The accounts of people, the same way. */
export async function withAccounts<T>(folders: Folders, genesis: Pick<Genesis, 'genesisHash'>, work: (users: Users) => Promise<T>): Promise<T> {
  return await withCampusRows(folders, genesis, async ({ store, opened: { keys }, audit }) => {
    const { users, idle } = openAccounts({ store, keys, clock: systemClock });
    const done = await work(recorded(users, audit));
    await idle();
    return done;
  });
}

export type RotatedKeys = 'pseudonyms' | 'tokens';

/** New keys in the key folder, as POST /admin/keys/rotate makes them (SPEC §19.5, §21.2), and in the audit log as there; the new one's id. */
export async function rotateCampusKeys(folders: Folders, genesis: Pick<Genesis, 'genesisHash'>, which: RotatedKeys): Promise<string> {
  return await withCampusRows(folders, genesis, async ({ opened: { keys, rotatePurposes }, audit }) => {
    const rotate = async (): Promise<string> => {
      if (which === 'tokens') return await (await openTokenKeys(folders.keyDir, systemClock, ACCESS_LIFE_MS)).rotate();
      await rotatePurposes();
      return pseudonymKeyId(keys);
    };
    return await onRecord(audit, { actor: OPERATOR, action: 'rotateKeys', detail: { keys: which } }, rotate, () => undefined);
  });
}
