/** Certificates and reading messages under mutation (consensus page §4 items 1, 3, 4). */
import t from 'tap';
import {
  bitsOf, Certificate, certificateBytes, coreBlockId, decode, encode, makeBitmap, makeCertificate, NIL, Proposal, ProposalBody, readProposal, readVote,
  toHex, verifyCertificate, Vote, VoteBody, voteBodyBytes, votesOf, wireBlockId, wireProposal, wireVote, type ReadContext,
} from './core.ts';
import { fakeSignature, fakeVerify, GENESIS_HASH, makeFixture, makeHeader, START_MS } from './fixture.ts';

const ID = 'ab'.repeat(32);
const { validators, schedule, vote, certificate, proposal, block, keyOf } = makeFixture([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
const genuine = certificate('precommit', 2, ID, [0, 1, 2, 3, 5, 8, 9]);
const verdict = (changed: Certificate): string => {
  const result = verifyCertificate(GENESIS_HASH, validators, changed, fakeVerify);
  return result.ok ? 'ok' : result.fault.code === 'malformed' ? `malformed ${result.fault.path}` : result.fault.code;
};

t.test('a certificate of a quorum verifies and survives the wire', async (t) => {
  t.equal(verdict(genuine), 'ok');
  const read = decode(Certificate, certificateBytes(genuine));
  t.ok(read.ok && verdict(read.value) === 'ok');
  t.equal(toHex(genuine.bitmap), 'f4c0', 'bit i is byte i>>3, mask 0x80 >> (i & 7)');
  t.same(votesOf(genuine).map(({ validatorIndex }) => validatorIndex), [0, 1, 2, 3, 5, 8, 9]);
  t.ok(votesOf(genuine).every((member) => readVote({ genesisHash: GENESIS_HASH, validators, verify: fakeVerify }, wireVote(member)).ok), 'its members are ordinary votes');
});

t.test('peer bug 3, ASA-2025-003: bitmap length against the set, trailing bits, bits against signatures', async (t) => {
  const { bitmap, signatures } = genuine;
  t.equal(verdict({ ...genuine, bitmap: bitmap.slice(0, 1) }), 'malformed Certificate.bitmap', 'too short');
  t.equal(verdict({ ...genuine, bitmap: Uint8Array.of(...bitmap, 0) }), 'malformed Certificate.bitmap', 'too long');
  for (let bit = 10; bit < 16; bit++) {
    const trailing = bitmap.slice();
    trailing[1]! |= 0x80 >> (bit & 7);
    t.equal(verdict({ ...genuine, bitmap: trailing, signatures: [...signatures, signatures[0]!] }), 'malformed Certificate.bitmap', `trailing bit ${bit}`);
  }
  t.equal(verdict({ ...genuine, signatures: signatures.slice(1) }), 'malformed Certificate.signatures', 'a signature too few');
  t.equal(verdict({ ...genuine, signatures: [...signatures, signatures[0]!] }), 'malformed Certificate.signatures', 'a signature too many');
  t.equal(verdict({ ...genuine, signatures: signatures.map((signature, i) => (i === 0 ? signature.slice(1) : signature)) }), 'malformed Certificate.signatures', 'a short signature');
});

t.test('every single bit of the bitmap matters', async (t) => {
  for (let bit = 0; bit < 16; bit++) {
    const bitmap = genuine.bitmap.slice();
    bitmap[bit >> 3]! ^= 0x80 >> (bit & 7);
    t.not(verdict({ ...genuine, bitmap }), 'ok', `bit ${bit}`);
  }
  const moved = makeBitmap(10, (i) => [0, 1, 2, 3, 6, 8, 9].includes(i));
  t.equal(verdict({ ...genuine, bitmap: moved }), 'bad_signature', 'a signature under another name');
});

t.test('less than a quorum is no certificate', async (t) => {
  const six = [0, 1, 2, 3, 5, 8];
  const bitmap = makeBitmap(10, (i) => six.includes(i));
  t.equal(verdict({ ...genuine, bitmap, signatures: genuine.signatures.slice(0, 6) }), 'malformed Certificate.bitmap');
  const votes = validators.validators.map((_, i) => (six.includes(i) ? vote('precommit', 2, i, ID) : i === 9 ? vote('precommit', 2, i, NIL) : undefined));
  t.equal(makeCertificate(validators, { type: 'precommit', height: 1, round: 2, blockId: ID }, votes), undefined, 'NIL votes do not help');
});

t.test('peer bug 1, Tachyon GHSA-c32p-wcqj-j677: every field is covered by the signatures', async (t) => {
  t.equal(verdict({ ...genuine, type: 1 }), 'bad_signature');
  t.equal(verdict({ ...genuine, type: 3 }), 'malformed Certificate.type');
  t.equal(verdict({ ...genuine, height: 2 }), 'bad_signature');
  t.equal(verdict({ ...genuine, round: 0 }), 'bad_signature');
  t.equal(verdict({ ...genuine, blockId: new Uint8Array(32) }), 'bad_signature');
  t.equal(verdict({ ...genuine, blockId: new Uint8Array(0) }), 'malformed Certificate.blockId', 'never NIL');
  const swapped = [genuine.signatures[1]!, genuine.signatures[0]!, ...genuine.signatures.slice(2)];
  t.equal(verdict({ ...genuine, signatures: swapped }), 'bad_signature', 'by ascending index');
  for (const [i] of genuine.signatures.entries()) {
    const signatures = genuine.signatures.map((signature, j) => (i === j ? signature.map((byte, k) => (k === 63 ? byte ^ 1 : byte)) : signature));
    t.equal(verdict({ ...genuine, signatures }), 'bad_signature', `signature ${i}`);
  }
  t.equal(verifyCertificate(new Uint8Array(32), validators, genuine, fakeVerify).ok, false, 'another network');
  t.equal(verifyCertificate(GENESIS_HASH, makeFixture([2, 1, 1, 1, 1, 1, 1, 1, 1, 1]).validators, genuine, fakeVerify).ok, false, 'another set');
});

t.test('power counts, not heads', async (t) => {
  const heavy = makeFixture([10, 1, 1, 1]);
  t.ok(verifyCertificate(GENESIS_HASH, heavy.validators, heavy.certificate('prevote', 0, ID, [0]), fakeVerify).ok, 'ten of thirteen');
  t.throws(() => heavy.certificate('prevote', 0, ID, [1, 2, 3]), 'three of thirteen');
  t.same(bitsOf(makeBitmap(4, (i) => i % 2 === 1)), [1, 3]);
});

const context: ReadContext = { genesisHash: GENESIS_HASH, validators, schedule, verify: fakeVerify };

t.test('peer bug 4, ASA-2024-011: a vote with an index out of range, another form or a wrong signature is refused', async (t) => {
  const good = wireVote(vote('prevote', 3, 7, ID));
  t.same(readVote(context, good), { ok: true, value: vote('prevote', 3, 7, ID) });
  t.same(readVote(context, wireVote(vote('precommit', 0, 7, NIL))), { ok: true, value: vote('precommit', 0, 7, NIL) }, 'NIL at round 0');
  for (const validatorIndex of [-1, 10, 2 ** 31]) t.match(readVote(context, { ...good, validatorIndex }), { ok: false, fault: { code: 'malformed' } }, `index ${validatorIndex}`);
  t.match(readVote(context, { ...good, validatorIndex: 6 }), { ok: false, fault: { code: 'bad_signature' } });
  t.match(readVote(context, { ...good, body: voteBodyBytes({ type: 'prevote', height: 1, round: 3, blockId: NIL }) }), { ok: false, fault: { code: 'bad_signature' } });
  t.match(readVote(context, { ...good, body: Uint8Array.of(...good.body, 0) }), { ok: false, fault: { code: 'malformed' } });
  t.match(decode(Vote, encode(Vote, good)), { ok: true });
  t.throws(() => wireBlockId('abc'), { name: 'AssertionError' });
  t.equal(coreBlockId(wireBlockId(NIL)), NIL);
  t.ok(decode(VoteBody, voteBodyBytes({ type: 'prevote', height: 1, round: 0, blockId: NIL })).ok);
});

t.test('a proposal is read only from its proposer, with a header and polka that fit', async (t) => {
  const fresh = block('v', 3);
  const good = wireProposal(proposal(3, fresh, { headerRound: 3 }));
  t.same(readProposal(context, good), { ok: true, value: { ...proposal(3, fresh, { headerRound: 3 }) } });
  const sent = decode(Proposal, encode(Proposal, good));
  t.ok(sent.ok && readProposal(context, sent.value).ok);
  const code = (changed: Proposal): string => {
    const result = readProposal(context, changed);
    return result.ok ? 'ok' : result.fault.code === 'malformed' ? `malformed ${result.fault.path}` : result.fault.code;
  };
  const body = (change: Partial<ProposalBody>): Uint8Array => encode(ProposalBody, { height: 1, round: 3, polRound: -1, blockId: wireBlockId(fresh.id)!, ...change });
  t.equal(code({ ...good, signature: fakeSignature(keyOf(0), new Uint8Array(1)) }), 'bad_signature');
  t.equal(code({ ...good, body: body({ round: 4 }) }), 'bad_signature', 'another proposer');
  t.equal(code({ ...good, body: body({ polRound: 3 }) }), 'malformed Proposal.body.polRound');
  t.equal(code({ ...good, body: body({ polRound: 5 }) }), 'malformed Proposal.body.polRound');
  t.equal(code({ ...good, body: good.body.slice(1) }).startsWith('malformed'), true);
  t.equal(code({ ...good, header: new Uint8Array(3) }).startsWith('malformed'), true);
  t.equal(code({ ...good, header: block('other', 3).header }), 'malformed Proposal.header');
  t.equal(readProposal({ ...context, schedule: { ...schedule, since: 2 } }, good).ok, false, 'a height before the set');
  const polka = certificate('prevote', 1, fresh.id, [0, 1, 2, 3, 4, 5, 6]);
  t.equal(code({ ...good, polka }), 'malformed Proposal.polka', 'a polka beside polRound −1');
});

t.test('a repeated proposal needs the polka of its polRound and block', async (t) => {
  const value = block('v');
  const polka = certificate('prevote', 1, value.id, [0, 1, 2, 3, 4, 5, 6]);
  const good = wireProposal(proposal(3, value, { polRound: 1, polka }));
  t.match(readProposal(context, good), { ok: true, value: { polRound: 1, headerRound: 0 } });
  const wrong: readonly [string, Certificate | undefined][] = [
    ['none', undefined],
    ['a commit', certificate('precommit', 1, value.id, [0, 1, 2, 3, 4, 5, 6])],
    ['another round', certificate('prevote', 2, value.id, [0, 1, 2, 3, 4, 5, 6])],
    ['another block', certificate('prevote', 1, ID, [0, 1, 2, 3, 4, 5, 6])],
    ['a forged one', { ...polka, signatures: polka.signatures.map(() => new Uint8Array(64)) }],
  ];
  for (const [what, changed] of wrong) t.equal(readProposal(context, { ...good, polka: changed }).ok, false, what);
});

t.test('a header of another height is refused', async (t) => {
  const header = makeHeader({ height: 2, round: 0, timeMs: START_MS, proposerIndex: 0, label: 'v' });
  const { blockIdOf } = await import('./core.ts');
  const value = { header, id: blockIdOf(GENESIS_HASH, header) };
  t.match(readProposal(context, wireProposal(proposal(0, value))), { ok: false, fault: { code: 'malformed', path: 'Proposal.header.height' } });
});
