/** Counts of one client process. */
import { ApiError } from '@billcoin/sdk';

export class Tally {
  readonly signed: string[] = [];
  readonly accepted: string[] = [];
  readonly #refusals = new Map<string, number>();

  refused(code: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  /** By the code of a refusal, else by what kind of error it is. */
  failed(error: unknown): void {
    this.refused(error instanceof ApiError ? error.code : error instanceof Error ? error.name : 'unknown');
  }

  get refusals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusals);
  }
}
