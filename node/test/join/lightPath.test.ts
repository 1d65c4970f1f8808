/** A header is believed from a root of trust alone: forwards, backwards, against witnesses, and not at all. */
import t from 'tap';
import { Header, blockIdBytes, decode, encode, equalBytes, openTrusted, trustGenesis, type LightBlock, type TrustedHeader } from '@billcoin/protocol';
import { verifiedHeader, type LightPath } from '../../src/join/lightPath.ts';
import { NETWORK_LIMITS } from '../../src/network/limits.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { makeSignedChain } from '../support/signedChain.ts';

const HEIGHT = 40;
const chain = makeSignedChain(4);
const { genesis: { genesisHash, validators } } = chain;
const blocks: LightBlock[] = [];
for (let height = 1; height <= HEIGHT; height++) {
  const block = chain.build();
  blocks.push({ header: block.headerBytes, certificate: chain.decide(block), validators });
}
const at = (height: number): LightBlock => blocks[height - 1] as LightBlock;

/** Another block of that height that a quorum signed as well. */
function forked(height: number): LightBlock {
  const header = decode(Header, at(height).header);
  if (!header.ok) throw new Error('our own header');
  const bytes = encode(Header, { ...header.value, txRoot: new Uint8Array(32).fill(7) });
  return { header: bytes, certificate: chain.commit(height, blockIdBytes(genesisHash, bytes), [0, 1, 2]), validators };
}

type Peer = (from: number, count: number) => readonly LightBlock[];
const honest: Peer = (from, count) => blocks.slice(from - 1, from - 1 + count);
const silent: Peer = () => [];

const context = { genesisHash, verify: HASH_SIGNATURES.verify };
const nowMs = (): number => chain.tip().timeMs + 1_000;
const root = trustGenesis(chain.genesis);
function checkpointAt(height: number): TrustedHeader {
  const header = decode(Header, at(height).header);
  if (!header.ok) throw new Error('our own header');
  return { height, timeMs: header.value.timeMs, blockId: blockIdBytes(genesisHash, at(height).header), nextValidators: validators, header: undefined };
}

function path(peers: Readonly<Record<string, Peer>>, over: Partial<LightPath> = {}): LightPath {
  return { context, root, nowMs, ask: async (peer, from, count) => peers[peer]?.(from, count) ?? [], ...over };
}

t.test('forwards from genesis and from a checkpoint, with its block', async (test) => {
  for (const from of [root, checkpointAt(10)]) {
    const verdict = await verifiedHeader(path({ a: honest, b: honest }, { root: from }), ['a', 'b'], 30);
    if (verdict.kind !== 'trusted') throw new Error(verdict.refusal.why);
    test.equal(verdict.header.height, 30);
    test.same(verdict.block, at(30));
  }
  test.match(await verifiedHeader(path({ a: honest }), ['a'], 30), { kind: 'trusted' }, 'of one peer there is nobody to confirm it');
});

t.test('backwards by hashes, over several pages, and the checkpoint itself', async (test) => {
  for (const height of [40, 39, 25, 24, 23, 1]) {
    const verdict = await verifiedHeader(path({ a: honest }, { root: checkpointAt(40) }), ['a'], height);
    if (verdict.kind !== 'trusted') throw new Error(`${height}: ${verdict.refusal.why}`);
    test.ok(equalBytes(verdict.header.blockId, blockIdBytes(genesisHash, at(height).header)) && verdict.header.height === height, `${height}`);
    test.same(verdict.block, at(height));
    test.ok(openTrusted(context, verdict.header, at(height).header).ok);
  }
});

t.test('a page with a gap, of other heights, or with a header that is not linked leads nowhere', async (test) => {
  const lies: Readonly<Record<string, Peer>> = {
    gap: (from, count) => honest(from, count).filter((_, i) => i !== 3),
    shifted: (from, count) => honest(from - 1, count),
    forged: (from, count) => honest(from, count).map((block, i) => (i === 2 ? forked(from + 2) : block)),
    silent,
  };
  for (const [name, peer] of Object.entries(lies)) test.match(await verifiedHeader(path({ [name]: peer }, { root: checkpointAt(40) }), [name], 5), { kind: 'refused' }, name);
  test.match(await verifiedHeader(path({}, { root: { ...checkpointAt(40), height: NETWORK_LIMITS.headersWalkMax + 2 } }), ['a'], 1), { kind: 'refused', refusal: { code: 'before_trust' } });
});

t.test('a witness that shows another block which verifies stops everything; one that is silent confirms nothing', async (test) => {
  const fork: Peer = (from) => [from === 30 ? forked(30) : at(from)];
  test.match(await verifiedHeader(path({ a: honest, fork }), ['a', 'fork'], 30), { kind: 'diverged', refusal: { code: 'diverged' } });
  test.match(await verifiedHeader(path({ a: honest, silent }), ['a', 'silent'], 30), { kind: 'refused', refusal: { code: 'no_witness' } });
  test.match(await verifiedHeader(path({ a: honest, silent, b: honest }), ['a', 'silent', 'b'], 30), { kind: 'trusted' });
  test.match(await verifiedHeader(path({ silent, a: honest }), ['silent', 'a'], 30), { kind: 'refused', refusal: { code: 'no_data' } }, 'the leader has to lead');
});

t.test('signatures that are not those of the set, and trust that has ended', async (test) => {
  const forger: Peer = (from) => [{ ...at(from), certificate: { ...at(from).certificate, signatures: at(from).certificate.signatures.map(() => new Uint8Array(64)) } }];
  test.match(await verifiedHeader(path({ forger }), ['forger'], 30), { kind: 'refused' });
  test.match(await verifiedHeader(path({ a: honest }, { nowMs: () => chain.genesis.spec.timeMs + 15 * 86_400_000 }), ['a'], 30), { kind: 'refused', refusal: { code: 'trust_expired' } });
});
