/** Work that stands in the audit log (SPEC §20.6): its entry is on disk before it begins; what it is known by only afterwards is an entry of its own. */
import type { AuditAction, AuditLog } from './abusePorts.ts';

/** Runs `act`. @param after what a second entry says besides: a refusal, the id of what was made; undefined: none follows. What throws is `internal`. Rejects where the log cannot be written, after `act` too, whose work then stands */
export async function onRecord<T>(audit: Pick<AuditLog, 'append'>, action: AuditAction, act: () => Promise<T>, after: (result: T) => AuditAction['detail'] | undefined): Promise<T> {
  await audit.append(action);
  let more: AuditAction['detail'] | undefined = { refused: 'internal' };
  try {
    const result = await act();
    more = after(result);
    return result;
  } finally {
    if (more !== undefined) await audit.append({ ...action, detail: { ...action.detail, ...more } });
  }
}
