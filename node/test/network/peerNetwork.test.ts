import t from 'tap';
import type { Transport } from '../../src/network/link.ts';
import { makeUnstartedNode } from './worldNode.ts';

t.test('a network that is closed while it starts leaves no timer and dials nobody', async (t) => {
  let listening: () => void = () => undefined;
  let dials = 0;
  const timers: number[] = [];
  const transport: Transport = {
    ownKey: '01', streams: () => 0,
    start: () => new Promise<void>((resolve) => {
      listening = resolve;
    }),
    dial: () => {
      dials++;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  const clock = { nowMs: () => 0, monotonicMs: () => 0 };
  const after = (delayMs: number): (() => void) => {
    timers.push(delayMs);
    return () => undefined;
  };
  const { node, start } = makeUnstartedNode(transport, [{ key: '02', at: { host: '127.0.0.1', port: 1 } }], {}, { clock, timers: { after } });
  const started = start();
  await node.close();
  listening();
  await started;
  t.same(timers, []);
  t.equal(dials, 0);
});
