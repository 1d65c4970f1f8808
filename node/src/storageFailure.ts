/** What an operator must do about a store that cannot be used. */

export type StorageFailureCode =
  | 'io_failed'
  | 'disk_full'
  | 'locked'
  | 'wrong_format'
  | 'not_initialised'
  | 'damaged_value'
  | 'lost_records'
  | 'older_than_guard'
  | 'diverged'
  | 'no_guard'
  | 'no_key'
  | 'wrong_network';

/** A store, key folder or data folder is not fit for use. The message says what was found; the remedy what to do. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
  readonly code: StorageFailureCode;
  readonly remedy: string;

  constructor(code: StorageFailureCode, found: string, remedy: string, options?: { readonly cause: unknown }) {
    super(`${found} ${remedy}`, options);
    this.code = code;
    this.remedy = remedy;
  }
}

/** Remedies that several checks share, so that the operator reads the same sentence for the same repair. */
export const REMEDY = {
  rebuild: 'Move that folder away and start again: it is filled again from the blocks. In a data folder made from a snapshot, restore the snapshot.',
  restoreBackup: 'Restore the newest backup of the data folder (never the key folder), or rebuild it from another node, then run `billcoin verify-db`.',
  disk: 'Check the disk and its free space, then start again; nothing that was called final is lost.',
} as const;
