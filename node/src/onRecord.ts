/** Work that stands in the audit log (SPEC §20.6): its entry is on disk before it begins; a refusal that follows is an entry of its own. */
import type { AuditAction, AuditLog } from './abusePorts.ts';

/** Runs `act`. @param refusedBy code of a result that is a refusal; what throws is `internal` */
export async function onRecord<T>(audit: Pick<AuditLog, 'append'>, action: AuditAction, act: () => Promise<T>, refusedBy: (result: T) => string | undefined): Promise<T> {
  await audit.append(action);
  let refused: string | undefined = 'internal';
  try {
    const result = await act();
    refused = refusedBy(result);
    return result;
  } finally {
    if (refused !== undefined) await audit.append({ ...action, detail: { ...action.detail, refused } });
  }
}
