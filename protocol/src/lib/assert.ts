/** A bug, never a refusal: what was asserted did not hold, so the process must not go on. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Crashes on a broken assumption of our own code. User data is refused with a Fault instead. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
