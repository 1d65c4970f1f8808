/** What a command says, and to whom. */
export interface Terminal {
  readonly print: (line: string) => void;
  /** What went wrong: never into the data that a command writes to standard output. */
  readonly complain: (line: string) => void;
  /** Where standard output is a terminal: a line that stays below all others until the next one takes its place; '' takes it away. */
  readonly paint?: ((line: string) => void) | undefined;
  /** Standard output, for what is data and not talk. */
  readonly output: NodeJS.WritableStream;
  /**
   * Takes over the signals to end (SIGINT, SIGTERM) from here on, and resolves when one comes. A command that does not
   * ask is ended by them at once.
   */
  readonly stopAsked: () => Promise<void>;
}
