/** Waiting for what happens outside the test: sockets, timers of the server. */

/** Far beyond what anything here takes, so that only what never comes fails. */
const DEADLINE_MS = 10_000;

/** Waits until something holds; fails after ten seconds. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!(await what())) {
    if (Date.now() > end) throw new Error('not in time');
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
