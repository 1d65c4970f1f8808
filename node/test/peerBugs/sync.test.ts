/**
 * Peer bugs 28 to 31 and 36 (consensus page §4): catching up by Status, ranges and NeedBlock, four whole nodes under a script.
 * The planner of ranges alone is in test/driver/syncPlan.test.ts; snapshots over the network come later with tests of their own.
 */
import t from 'tap';
import { Certificate, decode, parseVote, toHex, type PeerStatus } from '@billcoin/protocol';
import type { DecidedBlock, PeerMessage } from '../../src/ports.ts';
import { bodyKey, certificateKey } from '../../src/sim/wireRecord.ts';
import { Cluster, type ClusterNode } from '../support/cluster.ts';

const ALL = [0, 1, 2, 3];
const THREE = [0, 1, 2];
/** An idle height, and a round or two more. */
const HEIGHT_MS = 15_000;

async function running(cluster: Cluster, height: number, who: readonly number[] = ALL): Promise<Cluster> {
  cluster.boot(who);
  if (!(await cluster.run(() => cluster.isFinal(height, who), (height + 1) * HEIGHT_MS))) throw new Error(`no height ${height}: ${cluster.nodes.flatMap(({ halts }) => halts.map(String)).join()}`);
  return cluster;
}

function halts(cluster: Cluster): readonly string[] {
  return cluster.nodes.flatMap(({ index, halts: all }) => all.map(({ message }) => `node ${index}: ${message}`));
}

/** Heights in the order in which a node called them final, and whether they follow each other. */
function isContiguous(cluster: Cluster, i: number, from: number): boolean {
  return cluster.nodes[i]!.finals.filter(({ height }) => height >= from).every(({ height }, at) => height === from + at);
}

void t.test('peer bug 28, CVE-2025-24371 ASA-2024-008 #5801: a matrix of lying Status moves nobody and stops nobody', async (test) => {
  const cluster = await running(new Cluster({ size: 4 }), 3, THREE);
  const tipBytes = cluster.nodes[0]!.engine!.tip().certificateBytes!;
  const read = decode(Certificate, tipBytes);
  if (!read.ok) throw new Error('the tip has a certificate');
  const tip = read.value;
  const heights = [0, 1, 3, 4, 5, 6, 1_000, 2 ** 32, Number.MAX_SAFE_INTEGER];
  const rounds = [-1, 0, 1, 2 ** 31, 2 ** 32 - 1];
  const bitmap = new Uint8Array(1).fill(0xff);
  const shown: readonly PeerStatus['rounds'][] = [[], [0, 1, 2, 3].map((round) => ({ round, hasProposal: true, prevotes: bitmap, precommits: bitmap })), [{ round: 2 ** 31, hasProposal: false, prevotes: new Uint8Array(0), precommits: new Uint8Array(9) }]];
  const tips: readonly (Certificate | undefined)[] = [
    undefined, tip, { ...tip, height: 900 }, { ...tip, blockId: new Uint8Array(32).fill(7) }, { ...tip, type: 1 }, { ...tip, bitmap: new Uint8Array(1) }, { ...tip, round: 9, signatures: tip.signatures.map(() => new Uint8Array(64)) },
  ];
  const lies = heights.flatMap((height) => rounds.flatMap((round) => shown.flatMap((held) => tips.map((certificate): PeerMessage =>
    ({ kind: 'status', status: { height, round, step: round === 0 ? 'prevote' : 'precommit', rounds: held }, tip: certificate })))));
  for (const [told, lie] of lies.entries()) {
    for (const i of THREE) cluster.nodes[i]!.engine!.receive('3', lie);
    if (told % 8 === 0) await cluster.run(() => false, 25); // more often than a peer is answered
  }
  test.comment(`${lies.length} lies to each of three`);
  test.same(halts(cluster), []);
  test.ok(cluster.nodes.slice(0, 3).every(({ height }) => height < 10), 'no claim of a height is believed');
  const before = cluster.nodes[0]!.height;
  const startMs = cluster.nowMs;
  test.ok(await cluster.run(() => cluster.isFinal(before + 3, THREE), 4 * HEIGHT_MS), 'and they go on');
  test.ok(cluster.nowMs - startMs < 3 * 14_000, `at their pace, ${cluster.nowMs - startMs} ms for three heights with a dead fourth`);
  cluster.boot([3]);
  test.ok(await cluster.run(() => cluster.isFinal(before + 4), 2 * HEIGHT_MS), 'whom they take for what he is when he tells the truth');
});

void t.test('peer bug 28, CometBFT pool: late, repeated and foreign answers are no misbehaviour and change nothing', async (test) => {
  const answers: PeerMessage[] = [];
  const cluster = await running(new Cluster({ size: 4, sent: (_node, message) => void (answers.length < 400 && answers.push(message)) }), 3);
  for (const message of [...answers, ...[...answers].reverse()]) for (const i of ALL) cluster.nodes[i]!.engine!.receive(String((i + 1) % 4), message);
  for (const blockId of [new Uint8Array(32), new Uint8Array(32).fill(9)]) for (const height of [0, 1, 2, 99, Number.MAX_SAFE_INTEGER]) cluster.nodes[0]!.engine!.receive('1', { kind: 'needBlock', height, blockId });
  test.ok(await cluster.run(() => cluster.isFinal(6), 4 * HEIGHT_MS));
  test.same(halts(cluster), []);
  for (const i of ALL) test.ok(isContiguous(cluster, i, 1), `node ${i} calls each height final once`);
  for (let height = 1; height <= 6; height++) test.equal(cluster.idsAt(height).size, 1);
});

void t.test('peer bug 29, CometBFT 0.38.10: validators that all start at once wait for nobody', async (test) => {
  const cluster = await running(new Cluster({ size: 4 }), 3);
  for (const i of ALL) cluster.crash(i);
  const startMs = cluster.nowMs;
  cluster.boot();
  test.ok(await cluster.run(() => cluster.isFinal(4), HEIGHT_MS), 'all four at once');
  test.ok(cluster.nowMs - startMs < 11_500, `within an idle interval and a round, ${cluster.nowMs - startMs} ms`);
  test.same(halts(cluster), []);
});

void t.test('peer bug 29, CometBFT 0.38.10: a validator that is behind and without which nothing goes on does not stay in sync', async (test) => {
  const cluster = await running(new Cluster({ size: 4 }), 2);
  cluster.crash(2);
  test.ok(await cluster.run(() => cluster.isFinal(7, [0, 1, 3]), 7 * HEIGHT_MS));
  cluster.crash(3); // for good: now the one behind is needed
  cluster.boot([2]);
  test.ok(await cluster.run(() => cluster.isFinal(9, THREE), 4 * HEIGHT_MS), 'it catches up and votes');
  test.ok(isContiguous(cluster, 2, 3));
  test.same(halts(cluster), []);
});

void t.test('peer bug 30, arc-node #214: answers that are lost in part never make a node skip a height', async (test) => {
  let [isAway, lost] = [false, 0];
  const cluster: Cluster = new Cluster({
    size: 4,
    link(from, to, message) {
      if (!isAway || (to !== 3 && from !== 3)) return 500;
      if (from === 3) return 500;
      // Of what it is given, bodies of every second height, certificates of every third and whole ranges are lost, five times of six.
      const height = cluster.nodes[3]!.height + 1;
      const concerned = (message.kind === 'block' && height % 2 === 0) || (message.kind === 'certificate' && height % 3 === 0) || message.kind === 'blocks';
      if (concerned) lost += 1;
      return concerned && lost % 6 !== 0 ? undefined : 500;
    },
  });
  await running(cluster, 2);
  cluster.crash(3);
  test.ok(await cluster.run(() => cluster.isFinal(14, THREE), 14 * HEIGHT_MS));
  isAway = true;
  cluster.boot([3]);
  test.ok(await cluster.run(() => cluster.isFinal(14, [3]), 60_000), `height ${cluster.nodes[3]!.height}`);
  test.ok(lost > 20, `${lost} answers concerned`);
  test.ok(isContiguous(cluster, 3, 3), 'every height once, in order');
  for (let height = 1; height <= 14; height++) test.equal(cluster.idsAt(height).size, 1);
});

/** What a liar makes of the blocks it is asked for. Every one is for the very heights of the question. */
const FORGERIES: Readonly<Record<string, (blocks: readonly DecidedBlock[]) => readonly DecidedBlock[]>> = {
  nothing: () => [],
  'the last one left out': (blocks) => blocks.slice(0, -1),
  'one left out in the middle': (blocks) => blocks.filter((_, i) => i !== 1),
  'another order': (blocks) => [...blocks].reverse(),
  'the first one again and again': (blocks) => blocks.map(() => blocks[0]!),
  'bodies under the certificates of others': (blocks) => blocks.map(({ certificate }, i) => ({ certificate, blockBytes: blocks[(i + 1) % blocks.length]!.blockBytes })),
  'a signature changed': (blocks) => blocks.map(({ certificate, blockBytes }) => ({ blockBytes, certificate: { ...certificate, signatures: certificate.signatures.map((signature, i) => (i === 0 ? signature.map((byte) => byte ^ 1) : signature)) } })),
  'a polka for a commit': (blocks) => blocks.map(({ certificate, blockBytes }) => ({ blockBytes, certificate: { ...certificate, type: 1 } })),
  'a byte of the body changed': (blocks) => blocks.map(({ certificate, blockBytes }) => ({ certificate, blockBytes: blockBytes.map((byte, i) => (i === blockBytes.length - 1 ? byte ^ 1 : byte)) })),
};

/** Decided blocks as they lie on a disk. */
function decidedOn(node: ClusterNode, from: number, count: number): readonly DecidedBlock[] {
  return Array.from({ length: count }, (_, i) => from + i).flatMap((height) => {
    const certificate = decode(Certificate, node.disks.blocks.read(certificateKey(height)) ?? new Uint8Array(0));
    const blockBytes = certificate.ok ? node.disks.blocks.read(bodyKey(height, certificate.value.blockId)) : undefined;
    return certificate.ok && blockBytes !== undefined ? [{ certificate: certificate.value, blockBytes }] : [];
  });
}

for (const [what, forge] of Object.entries(FORGERIES)) {
  void t.test(`peer bug 28, peer bug 30: a peer answers questions for ranges with ${what}`, async (test) => {
    let lies = 0;
    const cluster: Cluster = new Cluster({
      size: 4,
      link(from, to, message) {
        if (from !== 2 || to !== 1 || message.kind !== 'getBlocks') return 500;
        lies += 1;
        const answer = { kind: 'blocks', from: message.from, blocks: forge(decidedOn(cluster.nodes[0]!, message.from, message.count)) } as const;
        cluster.schedule.after(1_000, () => cluster.nodes[2]!.engine?.receive('1', answer));
        return undefined; // the liar itself is not asked
      },
    });
    await running(cluster, 2);
    cluster.crash(2);
    test.ok(await cluster.run(() => cluster.isFinal(40, [0, 1, 3]), 40 * HEIGHT_MS));
    cluster.boot([2]);
    test.ok(await cluster.run(() => cluster.isFinal(40, [2]), 60_000), `height ${cluster.nodes[2]!.height} after ${lies} lies`);
    test.ok(lies > 0, `${lies} lies`);
    test.ok(isContiguous(cluster, 2, 3));
    for (let height = 1; height <= 40; height++) test.equal(cluster.idsAt(height).size, 1);
    test.same(halts(cluster), []);
  });
}

void t.test('peer bug 31, CometBFT #3372 Malachite #129: cut off for 100 heights, a node catches up without a restart', async (test) => {
  let isCut = false;
  const cluster: Cluster = new Cluster({ size: 4, link: (from, to) => (isCut && (from === 3 || to === 3) ? undefined : 500) });
  await running(cluster, 2);
  const { life } = cluster.nodes[3]!;
  isCut = true;
  test.ok(await cluster.run(() => cluster.isFinal(102, THREE), 102 * HEIGHT_MS));
  test.equal(cluster.nodes[3]!.height, 2, 'it stands where it was cut off');
  isCut = false;
  const startMs = cluster.nowMs;
  test.ok(await cluster.run(() => cluster.isFinal(102, [3]), 10 * 60_000), `height ${cluster.nodes[3]!.height}`);
  test.comment(`100 heights in ${cluster.nowMs - startMs} virtual ms`);
  test.equal(cluster.nodes[3]!.life, life, 'the same process');
  test.ok(isContiguous(cluster, 3, 1));
  const tip = Math.max(...cluster.nodes.map(({ height }) => height));
  test.ok(await cluster.run(() => cluster.isFinal(tip + 4), 6 * HEIGHT_MS), 'and takes part again');
  test.ok(cluster.nodes[3]!.guard.synced.height > tip, 'with its own votes');
  test.same(halts(cluster), []);
});

void t.test('peer bug 36, TigerBeetle by Jepsen 2025: a validator that has lost its whole data disk comes back from its peers and signs nothing twice', async (test) => {
  const wire = new Map<string, Set<string>>();
  const cluster = new Cluster({
    size: 4,
    sent(_node, message) {
      if (message.kind !== 'vote') return;
      const vote = parseVote(message.vote);
      if (!vote.ok) return;
      const place = `${vote.value.validatorIndex} ${vote.value.type} ${vote.value.height} ${vote.value.round}`;
      wire.set(place, (wire.get(place) ?? new Set()).add(toHex(message.vote.body)));
    },
  });
  await running(cluster, 5);
  cluster.crash(1);
  cluster.wipe(1);
  const signed = cluster.nodes[1]!.guard.synced.height;
  test.ok(signed >= 5, 'the guard is in the key folder and stays');
  cluster.boot([1]);
  test.ok(await cluster.run(() => cluster.isFinal(8), 8 * HEIGHT_MS));
  const heights = cluster.nodes[1]!.finals.map(({ height }) => height);
  test.same(heights.slice(heights.lastIndexOf(1)), Array.from({ length: cluster.nodes[1]!.height }, (_, i) => i + 1), 'all heights again, from the first');
  test.same([...wire].filter(([, bodies]) => bodies.size > 1), [], 'no validator has two bodies for one place');
  test.ok(cluster.nodes[1]!.guard.synced.height > signed, 'and above what it had signed it signs again');
  for (let height = 1; height <= 8; height++) test.equal(cluster.idsAt(height).size, 1);
  test.same(halts(cluster), []);
});
