/** How a request ended whose answer is stored under its Idempotency-Key. */
export interface Answered {
  readonly status: number;
  readonly body: string;
}
export type IdempotentResult =
  | { readonly kind: 'answer'; readonly replayed: boolean; readonly answer: Answered }
  | { readonly kind: 'reused' | 'in_progress' };
