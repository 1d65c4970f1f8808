/** A rate with a burst: tokens come back evenly, at most `capacity` of them wait. */
export class TokenBucket {
  readonly #perS: number;
  readonly #capacity: number;
  #tokens: number;
  #atMs: number;

  constructor(perS: number, burstS: number, nowMs: number) {
    this.#perS = perS;
    this.#capacity = perS * burstS;
    this.#tokens = this.#capacity;
    this.#atMs = nowMs;
  }

  /** Takes `cost` tokens, or none and says no. */
  take(cost: number, nowMs: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + ((nowMs - this.#atMs) * this.#perS) / 1_000);
    this.#atMs = nowMs;
    if (this.#tokens < cost) return false;
    this.#tokens -= cost;
    return true;
  }
}
