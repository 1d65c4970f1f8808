/** The output of one part, kept in a file of bounded size; the file before it is kept as `.1`. */
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

/** Two files of this size a part: enough to read what happened, never a full disk. */
const LOG_MAX_BYTES = 4_194_304;
const TAIL_LINES = 12;

export class LogFile {
  readonly path: string;
  #file: number;
  #bytes = 0;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'w', 0o600);
  }

  write(chunk: Uint8Array): void {
    if (this.#bytes + chunk.length > LOG_MAX_BYTES) {
      closeSync(this.#file);
      renameSync(this.path, `${this.path}.1`);
      this.#file = openSync(this.path, 'w', 0o600);
      this.#bytes = 0;
    }
    writeSync(this.#file, chunk);
    this.#bytes += chunk.length;
  }

  /** The last lines, for a person who asks why a part ended. */
  tail(): string {
    return readFileSync(this.path, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  }

  close(): void {
    closeSync(this.#file);
  }
}
