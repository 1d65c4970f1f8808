/** Work that stands in the audit log (SPEC §20.6): its entry is on disk before it begins; what it is known by only afterwards is an entry of its own. */
import type { Json } from '@billcoin/protocol';
import type { AuditAction, AuditLog } from './abusePorts.ts';

/** What is known of it: what is undefined is not said. */
export function auditDetail(said: { readonly [key: string]: Json | undefined }): AuditAction['detail'] {
  return Object.fromEntries(Object.entries(said).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

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
