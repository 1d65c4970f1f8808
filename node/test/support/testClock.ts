/**
 * Loaded into a node before anything else: its wall clock is off by what the test says, at the start (BILLCOIN_TEST_CLOCK_MS) and
 * at any time later (a message). Monotonic time and timers stay as they are, as with a clock that somebody has set. The node ends
 * with its test, however that ends.
 */

/** What a test tells its node. */
export interface ClockMessage {
  /** Ahead of the machine's clock; negative: behind. */
  readonly offsetMs: number;
}

export const CLOCK_VARIABLE = 'BILLCOIN_TEST_CLOCK_MS';

if (process.send !== undefined) {
  const realNowMs = Date.now.bind(Date);
  let offsetMs = Number(process.env[CLOCK_VARIABLE] ?? 0);
  Date.now = () => realNowMs() + offsetMs;
  process.on('message', (message: ClockMessage) => {
    offsetMs = message.offsetMs;
  });
  // At once: an exit would first write its last lines of log, for ever where nobody reads them any more.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.channel?.unref();
}
