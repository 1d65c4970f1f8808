/** Proof of a lie that somebody brings to a node (consensus page §1.12): kept for a block, recorded and alarmed, or refused. */
import t from 'tap';
import {
  Block, Evidence, Header, NIL, blockIdOf, decode, duplicateVote, encode, indexOfKey, makeCertificate, stateRows, toHex, votePreimage, ROWS, addressOf,
  type SignedVote, type VoteFields,
} from '@billcoin/protocol';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { bodyKey } from '../../src/sim/wireRecord.ts';
import { Cluster } from '../support/cluster.ts';

const HEIGHTS_MS = 90_000;

async function grown(options: Partial<ConstructorParameters<typeof Cluster>[0]> = {}, holder = 0) {
  const cluster = new Cluster({ size: 4, ...options });
  cluster.boot();
  t.ok(await cluster.run(() => cluster.isFinal(3), HEIGHTS_MS));
  const { genesis, nodes } = cluster;
  const { validators } = genesis;
  const vote = (validatorIndex: number, fields: VoteFields): SignedVote => {
    const key = nodes.slice(0, 4).map((node) => node.key!).find(({ publicKey }) => indexOfKey(validators, publicKey) === validatorIndex)!;
    return { ...fields, validatorIndex, signature: HASH_SIGNATURES.sign(key, votePreimage(genesis.genesisHash, fields)) };
  };
  const node = nodes[holder]!;
  const port = node.engine!.port;
  const offer = (evidence: Uint8Array) => cluster.result(port.offerEvidence(evidence));
  const standing = (index: number): number | undefined => port.state().get(ROWS.validator, toHex(addressOf(validators.validators[index]!.publicKey)))?.standing;
  return { cluster, node, vote, offer, standing };
}

t.test('two votes are kept, known the second time, stand in a block and prove nothing after it', async (t) => {
  const { cluster, vote, offer, standing, node } = await grown();
  const evidence = encode(Evidence, duplicateVote(vote(2, { type: 'prevote', height: 2, round: 0, blockId: NIL }), vote(2, { type: 'prevote', height: 2, round: 0, blockId: 'ab'.repeat(32) })));
  t.equal(await offer(Uint8Array.of(1, 2, 3)), undefined);
  t.equal(await offer(evidence), 'kept');
  t.equal(await offer(evidence), 'known');
  t.equal(standing(2), stateRows.STANDING.good);
  t.ok(await cluster.run(() => standing(2) === stateRows.STANDING.tombstoned, 2 * HEIGHTS_MS), 'in the next block this node proposes');
  t.equal(await offer(evidence), undefined);
  t.same(node.halts, []);
});

t.test('headers that deceived a client: attackers are punished; where nobody can be blamed it is recorded once', async (t) => {
  const { cluster, node, vote, offer, standing } = await grown();
  const block = node.finals.find(({ height }) => height === 2)!;
  const stored = decode(Block, node.disks.blocks.read(bodyKey(2, block.blockId)) ?? new Uint8Array(0));
  const decided = stored.ok ? decode(Header, stored.value.header) : stored;
  if (!decided.ok) throw new Error('block 2 is on disk');
  const set = cluster.genesis.validators;
  function attack(round: number): Uint8Array {
    const header = encode(Header, { ...(decided as { value: Header }).value, txRoot: new Uint8Array(32).fill(5) });
    const fields = { type: 'precommit', height: 2, round, blockId: blockIdOf(cluster.genesis.genesisHash, header) } as const;
    const certificate = makeCertificate(set, fields, [0, 1, 2].map((i) => vote(i, fields)))!;
    return encode(Evidence, { evidence: { case: 'lightClientAttack', value: { header, certificate, set } } });
  }
  const { round } = block.certificate;
  t.equal(await offer(attack(round + 1)), 'recorded', 'they may have forgotten their locks');
  t.equal(await offer(attack(round + 1)), 'known', 'it alarms once');
  await cluster.run(() => false, 2_000); // on its way
  const told = await Promise.all(cluster.nodes.slice(1).map(({ engine }) => cluster.result(engine!.port.offerEvidence(attack(round + 1)))));
  t.same(told, ['known', 'known', 'known'], 'and all peers have been told');
  t.equal(await offer(attack(round)), 'kept');
  t.ok(await cluster.run(() => standing(1) === stateRows.STANDING.tombstoned, 2 * HEIGHTS_MS));
  t.ok(cluster.nodes.every(({ halts }) => halts.length === 0), 'and every node found the block valid');
});

t.test('a peer that claims a great height keeps nobody from telling what proves a lie', async (t) => {
  let isCut = true;
  const world: { cluster?: Cluster } = {};
  const { cluster, vote, offer, standing } = await grown({
    watchers: 1,
    link(from, to, message) {
      if (from === 4 && message.kind === 'evidence' && isCut) return undefined;
      if (from !== 3 || message.kind !== 'status' || to !== 4) return 500;
      const lie = { ...message, status: { ...message.status, height: 1_000_000 } };
      world.cluster?.schedule.after(500, () => cluster.nodes[to]?.engine?.receive('3', lie));
      return undefined;
    },
  }, 4);
  world.cluster = cluster;
  t.ok(await cluster.run(() => cluster.nodes[4]?.engine?.peerHeights().get('3') === 1_000_000, HEIGHTS_MS), 'the lie is heard');
  const evidence = encode(Evidence, duplicateVote(vote(2, { type: 'prevote', height: 2, round: 0, blockId: NIL }), vote(2, { type: 'prevote', height: 2, round: 0, blockId: 'ab'.repeat(32) })));
  t.equal(await offer(evidence), 'kept', 'by a node that never proposes, while nobody hears it');
  isCut = false;
  t.ok(await cluster.run(() => standing(2) === stateRows.STANDING.tombstoned, 2 * HEIGHTS_MS), 'it is told again with the next block');
});
