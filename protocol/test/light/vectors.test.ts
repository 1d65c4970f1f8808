/** protocol/vectors/lightClient.json: steps of trust, syncs, checkpoints and attacks come out as written. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  attackEvidence, attackOffenders, decode, encode, followTo, fromHex, LightBlock, lightState, parseCheckpoint, passTrust, readCandidate, takeAnswer, toHex, trustCheckpoint, ValidatorSet,
  type Message, type TrustedHeader,
} from '../../src/index.ts';
import { verifyFast } from '../support/world.ts';

interface Trusted { readonly height: number; readonly timeMs: number; readonly blockId: string; readonly nextValidators: string }
interface Case<I> { readonly title: string; readonly input: I; readonly output: object }
interface Vectors {
  readonly genesisHash: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly checkpointKeys: readonly string[];
  readonly chain: readonly string[];
  readonly trust: readonly Case<{ readonly trusted: Trusted; readonly lightBlock: string; readonly nowMs: number }>[];
  readonly sync: readonly Case<{ readonly root: Trusted; readonly target: number; readonly nowMs: number }>[];
  readonly checkpoints: readonly Case<{ readonly checkpoint: object; readonly validators: string; readonly nowMs: number }>[];
  readonly attacks: readonly Case<{ readonly decided: string; readonly other: string }>[];
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/lightClient.json', import.meta.url), 'utf8')) as Vectors;
const bytes = (hex: string): Uint8Array => fromHex(hex) ?? new Uint8Array(0);
const context = { genesisHash: bytes(vectors.genesisHash), verify: verifyFast };

function read<T>(type: Message<T>, hex: string): T {
  const decoded = decode(type, bytes(hex));
  if (!decoded.ok) throw new Error(decoded.fault.code);
  return decoded.value;
}
const trustedOf = ({ height, timeMs, blockId, nextValidators }: Trusted): TrustedHeader => ({ height, timeMs, blockId: bytes(blockId), nextValidators: read(ValidatorSet, nextValidators), header: undefined });
const readable = ({ height, timeMs, blockId, nextValidators }: TrustedHeader): Trusted => ({ height, timeMs, blockId: toHex(blockId), nextValidators: toHex(encode(ValidatorSet, nextValidators)) });

t.test('steps of trust', (t) => {
  for (const { title, input, output } of vectors.trust) {
    const candidate = readCandidate(context, read(LightBlock, input.lightBlock));
    const step = candidate.ok ? passTrust(context, trustedOf(input.trusted), candidate.value, input.nowMs) : { kind: 'refused' as const, refusal: candidate.refusal };
    t.same(step.kind === 'trusted' ? { trusted: readable(step.trusted) } : step.kind === 'bisect' ? { bisect: true } : { refused: step.refusal.code }, output, title);
  }
  t.end();
});

t.test('syncs', (t) => {
  for (const { title, input, output } of vectors.sync) {
    const asked: number[] = [];
    let step = followTo(lightState(trustedOf(input.root), 0), input.target, input.nowMs);
    while (step.action.kind === 'ask') {
      asked.push(step.action.height);
      const text = vectors.chain[step.action.height - 1];
      step = takeAnswer(context, step.state, text === undefined ? undefined : read(LightBlock, text), input.nowMs);
    }
    t.same({ asked, ...(step.action.kind === 'trusted' ? { trusted: readable(step.action.trusted) } : step.action.kind === 'refused' ? { refused: step.action.refusal.code } : {}) }, output, title);
  }
  t.end();
});

t.test('checkpoints', (t) => {
  for (const { title, input, output } of vectors.checkpoints) {
    const parsed = parseCheckpoint(JSON.stringify(input.checkpoint));
    if (!parsed.ok) throw new Error(parsed.refusal.why);
    const trusted = trustCheckpoint(context, vectors.checkpointKeys.map(bytes), parsed.value, read(ValidatorSet, input.validators), input.nowMs);
    t.same(trusted.ok ? { trusted: readable(trusted.value) } : { refused: trusted.refusal.code }, output, title);
  }
  t.end();
});

t.test('attacks', (t) => {
  for (const { title, input, output } of vectors.attacks) {
    const guilty = attackOffenders(context, read(LightBlock, input.decided), attackEvidence(read(LightBlock, input.other))).map(toHex);
    t.same({ offenders: Object.entries(vectors.keys).filter(([, key]) => guilty.includes(key)).map(([name]) => name).join('') }, output, title);
  }
  t.end();
});
