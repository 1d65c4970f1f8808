/** Whole nodes that are far behind: they catch up by ranges, without a restart, whoever lies to them (consensus page §1.16). */
import t from 'tap';
import type { PeerMessage } from '../../src/ports.ts';
import { Cluster } from '../support/cluster.ts';

const VALIDATORS = [0, 1, 2, 3];
const HOP_US = 500;
/** Idle blocks come every ten seconds of virtual time. */
const LONG_MS = 100_000_000;

void t.test('a node that follows catches up 1,000 blocks, then stays with the others', async (test) => {
  const asked = new Set<number>();
  const kinds = new Map<string, number>();
  const cluster = new Cluster({
    size: 4, watchers: 1,
    sent: (node, message) => void kinds.set(message.kind, (kinds.get(message.kind) ?? 0) + (node.index === 4 ? 1 : 0)),
    link(from, to, message) {
      if (message.kind === 'getBlocks') asked.add(to);
      return from === to ? undefined : HOP_US;
    },
  });
  cluster.boot(VALIDATORS);
  test.ok(await cluster.run(() => cluster.isFinal(1_000, VALIDATORS), LONG_MS), 'the validators make 1,000 blocks');
  const startMs = cluster.nowMs;
  cluster.boot([4]);
  test.ok(await cluster.run(() => cluster.isFinal(1_000, [4]), 30_000), `it is at ${cluster.nodes[4]?.height ?? 0}`);
  test.ok(cluster.nowMs - startMs < 10_000, `${cluster.nowMs - startMs} ms`);
  test.ok(asked.size >= 2, `${asked.size} peers were asked`);
  test.ok((kinds.get('getBlocks') ?? 0) <= 100, `${kinds.get('getBlocks') ?? 0} questions for 1,000 blocks`);
  const top = Math.max(...VALIDATORS.map((i) => cluster.nodes[i]?.height ?? 0)) + 3;
  test.ok(await cluster.run(() => cluster.isFinal(top), LONG_MS), 'and follows');
  for (const height of [1, 500, 1_000, top]) test.equal(cluster.idsAt(height).size, 1);
  test.equal(cluster.nodes[4]?.engine?.load().syncedAhead, 0, 'nothing is held any more');
});

void t.test('a node that sees two of four validators follows through them', async (test) => {
  const seen = [0, 1];
  const cluster = new Cluster({ size: 4, watchers: 1, link: (from, to) => ((from === 4 && !seen.includes(to)) || (to === 4 && !seen.includes(from)) ? undefined : HOP_US) });
  cluster.boot(VALIDATORS);
  test.ok(await cluster.run(() => cluster.isFinal(20, VALIDATORS), LONG_MS));
  cluster.boot([4]);
  test.ok(await cluster.run(() => cluster.isFinal(30), LONG_MS), `it is at ${cluster.nodes[4]?.height ?? 0}`);
  const top = Math.max(...VALIDATORS.map((i) => cluster.nodes[i]?.height ?? 0));
  test.ok(top - (cluster.nodes[4]?.height ?? 0) <= 1, 'no more than a block behind');
});

/** The same answer with one certificate or one block that is not right. */
const LIES: Readonly<Record<string, (answer: Extract<PeerMessage, { readonly kind: 'blocks' }>) => PeerMessage | undefined>> = {
  'a signature that does not verify': ({ blocks, ...rest }) => ({ ...rest, blocks: blocks.map(({ blockBytes, certificate }, i) => ({ blockBytes, certificate: i === 3 ? { ...certificate, signatures: certificate.signatures.map(() => new Uint8Array(64)) } : certificate })) }),
  'a block of another height': ({ blocks, ...rest }) => ({ ...rest, blocks: blocks.map((block, i) => ({ ...block, blockBytes: blocks[Math.max(0, i - 1)]?.blockBytes ?? block.blockBytes })) }),
  'a height left out': ({ blocks, ...rest }) => ({ ...rest, blocks: blocks.filter((_block, i) => i !== 2) }),
  'a broken block': ({ blocks, ...rest }) => ({ ...rest, blocks: blocks.map((block) => ({ ...block, blockBytes: block.blockBytes.slice(1) })) }),
  'another beginning': ({ from, ...rest }) => ({ ...rest, from: from + 1 }),
  'no answer': () => undefined,
  'nothing': (answer) => ({ ...answer, blocks: [] }),
};

for (const [name, lie] of Object.entries(LIES)) {
  void t.test(`a validator catches up though one peer answers with ${name}`, async (test) => {
    let isCut = false;
    let lies = 0;
    const cluster: Cluster = new Cluster({
      size: 4,
      link(from, to, message) {
        if (isCut && (from === 3 || to === 3)) return undefined;
        if (from !== 0 || message.kind !== 'blocks') return HOP_US;
        lies += 1;
        const told = lie(message);
        if (told !== undefined) cluster.schedule.after(HOP_US, () => cluster.nodes[to]?.engine?.receive('0', told));
        return undefined;
      },
    });
    cluster.boot();
    test.ok(await cluster.run(() => cluster.isFinal(2), LONG_MS));
    isCut = true;
    const others = [0, 1, 2];
    test.ok(await cluster.run(() => cluster.isFinal(120, others), LONG_MS));
    isCut = false;
    test.ok(await cluster.run(() => cluster.isFinal(122), LONG_MS), `it is at ${cluster.nodes[3]?.height ?? 0}`);
    test.ok(lies > 0, 'the liar was asked');
    for (let height = 1; height <= 122; height++) if (cluster.idsAt(height).size !== 1) test.fail(`height ${height} has ${cluster.idsAt(height).size} blocks`);
    test.same(cluster.nodes.flatMap(({ halts }) => halts), []);
  });
}
