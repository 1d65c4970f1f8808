/** What has happened in a run, in order: its hash, by which runs are compared, and its newest lines, which are told. */
import { createHash } from 'node:crypto';

/** Lines of the story that are kept. */
const STORY_LINES = 400;
/** Text that is gathered before it is hashed: handing over each line by itself costs more than its hash. */
const GATHERED_CHARS = 16_384;

export class Trace {
  readonly #hash = createHash('sha256');
  readonly #story: string[] = [];
  #gathered = '';

  /** Newest lines. */
  get story(): readonly string[] {
    return this.#story;
  }

  /** A line of the story. */
  tell(line: string): void {
    this.note(line);
    this.#story.push(line);
    if (this.#story.length > 2 * STORY_LINES) this.#story.splice(0, STORY_LINES);
  }

  /** What is hashed and not told. */
  note(text: string): void {
    this.#gathered += text;
    if (this.#gathered.length > GATHERED_CHARS) this.#take();
  }

  /** Hex of the hash over everything so far. */
  digest(): string {
    this.#take();
    return this.#hash.copy().digest('hex');
  }

  #take(): void {
    this.#hash.update(this.#gathered);
    this.#gathered = '';
  }
}
