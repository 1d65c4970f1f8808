/** Signed checkpoints: who may sign, how long they hold, and the one text of a file. */
import t from 'tap';
import {
  checkpointJson, checkpointPreimage, parseCheckpoint, trustCheckpoint, TRUSTING_PERIOD_MS, validatorsHash, verifyCheckpointSignatures, withSignature,
  type Checkpoint, type SignedCheckpoint, type Verdict,
} from '../../src/index.ts';
import { keyOf, signFast, START_MS } from '../support/world.ts';
import { context, GENESIS_HASH, setOf } from './lightChain.ts';

const set = setOf('a', 'b', 'c', 'd');
const checkpoint: Checkpoint = { height: 1_000, blockId: new Uint8Array(32).fill(5), validatorsHash: validatorsHash(set), timeMs: START_MS };
const holders = ['one', 'two', 'three', 'four'].map((name) => keyOf(`checkpoint ${name}`));
const pinned = holders.map(({ publicKey }) => publicKey);
const sign = (signed: SignedCheckpoint, holder: number, of: Checkpoint = checkpoint, genesisHash: Uint8Array = GENESIS_HASH): SignedCheckpoint =>
  withSignature(signed, holders[holder]!.publicKey, signFast(holders[holder]!.seed, checkpointPreimage(genesisHash, of)));
const unsigned: SignedCheckpoint = { checkpoint, signatures: [] };
const three = [0, 1, 2].reduce((signed, holder) => sign(signed, holder), unsigned);

function code(verdict: Verdict<unknown>): string {
  return verdict.ok ? 'ok' : verdict.refusal.code;
}

t.test('more than two thirds of the pinned keys must sign', (t) => {
  const of = (signed: SignedCheckpoint): string => code(verifyCheckpointSignatures(context, pinned, signed));
  t.equal(of(three), 'ok');
  t.equal(of(sign(sign(unsigned, 0), 3)), 'checkpoint_not_signed', 'two of four');
  t.equal(of({ ...three, signatures: [three.signatures[0]!, three.signatures[0]!, three.signatures[0]!] }), 'checkpoint_not_signed', 'a key counts once');
  t.equal(of(sign(sign(sign(unsigned, 0), 1), 2, { ...checkpoint, height: 1_001 })), 'bad_signature', 'of another checkpoint');
  t.equal(of(sign(sign(sign(unsigned, 0), 1), 2, checkpoint, new Uint8Array(32))), 'bad_signature', 'of another network');
  const stranger = keyOf('stranger');
  t.equal(of(withSignature(three, stranger.publicKey, signFast(stranger.seed, checkpointPreimage(GENESIS_HASH, checkpoint)))), 'checkpoint_not_signed', 'a key that genesis does not name');
  t.same(sign(three, 1), three, 'signing again changes nothing');
  t.end();
});

t.test('it begins trust for 14 days, with the set it names', (t) => {
  const at = (nowMs: number, with_ = set): string => code(trustCheckpoint(context, pinned, three, with_, nowMs));
  t.equal(at(START_MS + TRUSTING_PERIOD_MS - 1), 'ok');
  t.equal(at(START_MS + TRUSTING_PERIOD_MS), 'trust_expired');
  t.equal(at(START_MS - 1_999), 'ok');
  t.equal(at(START_MS - 2_000), 'from_future');
  t.equal(at(START_MS, setOf('a', 'b', 'c', 'x')), 'other_validator_set');
  t.equal(at(START_MS, { validators: [...set.validators].reverse() }), 'bad_validator_set');
  t.equal(code(trustCheckpoint(context, pinned, unsigned, set, START_MS)), 'checkpoint_not_signed');
  t.match(trustCheckpoint(context, pinned, three, set, START_MS), { value: { height: 1_000, header: undefined } });
  t.end();
});

t.test('a file is read strictly', (t) => {
  const text = checkpointJson(three);
  t.same(parseCheckpoint(text), { ok: true, value: three });
  const refused = (changed: string): boolean => t.match(parseCheckpoint(changed), { ok: false, refusal: { code: 'malformed' } });
  refused('{');
  refused('null');
  refused(text.replace('"height": 1000', '"height": 0'));
  refused(text.replace('"height": 1000', '"height": 9007199254740992'));
  refused(text.replace('"height": 1000', '"height": "1000"'));
  refused(text.replace('"timeMs"', '"time"'));
  refused(text.replace('"height"', '"more": 1, "height"'));
  refused(' '.repeat(20_000));
  refused(checkpointJson({ ...three, signatures: [...three.signatures].reverse() }));
  t.end();
});
