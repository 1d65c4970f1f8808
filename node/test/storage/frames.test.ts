import t from 'tap';
import { packFrames, unpackFrames } from '../../src/storage/frames.ts';

t.test('frames come back as they were, however many', async (t) => {
  t.same(packFrames([Uint8Array.of(7, 8), new Uint8Array(0)]), Uint8Array.of(0, 0, 0, 2, 7, 8, 0, 0, 0, 0));
  // A flush of 64 full blocks changes some 200,000 rows; a call of so many arguments overflows the stack.
  const many = Array.from({ length: 300_000 }, (_, i) => Uint8Array.of(i & 255));
  const back = unpackFrames(packFrames(many));
  t.equal(back?.length, many.length);
  t.ok(back?.every((frame, i) => frame.length === 1 && frame[0] === (i & 255)));
  t.same(unpackFrames(packFrames([])), []);
});

t.test('lengths that do not fit are refused', async (t) => {
  for (const bytes of [[0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 2, 7]]) t.equal(unpackFrames(Uint8Array.from(bytes)), undefined);
});
