/**
 * What must be durable before what (the table of consensus page §1.9), row by row. A judge looks at the disks of four whole
 * validators at the instant of every record, send and final word. Sound ports give it nothing to say; for each row a port
 * or core that breaks the order is put in, and must be caught by that row. The last row of the table, a snapshot that is
 * offered, waits for snapshots over the network; the file of `billcoin snapshot` is synced before its command says so.
 */
import t from 'tap';
import { ProposalBody, decode, equalBytes, makeSchedule, parseVote, proposerAt, type HardState, type Schedule } from '@billcoin/protocol';
import { CORE, type Core } from '../../src/driver.ts';
import type { FinalBlock, PeerMessage } from '../../src/ports.ts';
import { bodyKey, certificateKey } from '../../src/sim/wireRecord.ts';
import { makeSimGenesis } from '../../src/sim/world.ts';
import { Cluster, type ClusterNode, type ClusterOptions, type WriteKind } from '../support/cluster.ts';

type Row = 'proposal: body' | 'proposal: guard' | 'prevote: guard' | 'lock record: body' | 'precommit: guard' | 'final: certificate' | 'final: body' | 'next height: certificate below';
const HEIGHTS = 3;

/** Rows that were broken, as they are seen from outside. */
class Judge {
  readonly broken = new Set<Row>();
  readonly looked = new Map<Row, number>();
  readonly #schedule: Schedule;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  #must(row: Row, holds: boolean): void {
    this.looked.set(row, (this.looked.get(row) ?? 0) + 1);
    if (!holds) this.broken.add(row);
  }

  recorded(node: ClusterNode, { height, lockedId }: HardState): void {
    if (lockedId !== undefined) this.#must('lock record: body', node.disks.blocks.durable(bodyKey(height, lockedId)) !== undefined);
  }

  sent(node: ClusterNode, ownIndex: number, message: PeerMessage): void {
    const { synced } = node.guard;
    const below = (height: number): void => {
      if (height > 1) this.#must('next height: certificate below', node.disks.blocks.durable(certificateKey(height - 1)) !== undefined);
    };
    if (message.kind === 'vote') {
      const vote = parseVote(message.vote);
      if (!vote.ok || vote.value.validatorIndex !== ownIndex) return; // passed on
      const { type, height } = vote.value;
      const recorded = type === 'prevote' ? synced.lastPrevote : synced.lastPrecommit;
      this.#must(type === 'prevote' ? 'prevote: guard' : 'precommit: guard', recorded !== undefined && equalBytes(recorded.body, message.vote.body));
      below(height);
    }
    if (message.kind === 'proposal') {
      const body = decode(ProposalBody, message.proposal.body);
      if (!body.ok) return;
      const { height, round, blockId } = body.value;
      if (proposerAt(this.#schedule, height, round) !== ownIndex) return; // passed on
      this.#must('proposal: body', node.disks.blocks.durable(bodyKey(height, blockId)) !== undefined);
      this.#must('proposal: guard', synced.lastProposal !== undefined && equalBytes(synced.lastProposal.body, message.proposal.body));
      below(height);
    }
    if (message.kind === 'status') below(message.status.height);
  }

  final(node: ClusterNode, { height, blockId }: FinalBlock): void {
    this.#must('final: certificate', node.disks.blocks.durable(certificateKey(height)) !== undefined);
    this.#must('final: body', node.disks.blocks.durable(bodyKey(height, blockId)) !== undefined);
  }
}

type Ports = Pick<ClusterOptions, 'early' | 'core' | 'writeUs'>;
/** Longer than rounds and Status: whoever does not wait is seen not to have waited. */
const SLOW_US = 350_000;
const slow = (...slowKinds: readonly WriteKind[]) => (kind: WriteKind): number => (slowKinds.includes(kind) ? SLOW_US : 200);
const early = (...earlyKinds: readonly WriteKind[]) => (kind: WriteKind): boolean => earlyKinds.includes(kind);

/** Three heights of four validators under the judge. Nobody is started again: a broken order shows at once. */
async function judged(ports: Ports): Promise<Judge> {
  const judge = new Judge(makeSchedule(makeSimGenesis(4).validators, 1));
  const cluster: Cluster = new Cluster({
    size: 4, ...ports,
    recorded: (node, next) => judge.recorded(node, next),
    sent: (node, message) => judge.sent(node, indexOf(node), message),
    final: (node, block) => judge.final(node, block),
  });
  const indexOf = ({ key }: ClusterNode): number => cluster.genesis.validators.validators.findIndex(({ publicKey }) => equalBytes(publicKey, key!.publicKey));
  cluster.boot();
  await cluster.run(() => cluster.isFinal(HEIGHTS), 120_000);
  return judge;
}

const ROWS = ['proposal: body', 'proposal: guard', 'prevote: guard', 'lock record: body', 'precommit: guard', 'final: certificate', 'final: body', 'next height: certificate below'] satisfies Row[];

void t.test('sound ports: every row is looked at often, and holds, whichever write is slow', async (test) => {
  for (const slowKind of ['state', 'body', 'guard', 'certificate'] satisfies WriteKind[]) {
    const { broken, looked } = await judged({ writeUs: slow(slowKind) });
    test.same([...broken], [], `slow ${slowKind}`);
    for (const row of ROWS) test.ok((looked.get(row) ?? 0) >= HEIGHTS, `${row}: ${looked.get(row) ?? 0} times`);
  }
});

/** A core whose orders to wait are lost on the way to the shell. */
function forgetful(which: 'durableBeforeWrite' | 'durableBeforeSend'): Core {
  return {
    ...CORE,
    step(state, input) {
      const next = CORE.step(state, input);
      return { state: next.state, effects: next.effects.map((effect) => (effect.kind === 'signAndSend' ? { ...effect, [which]: [] } : effect)) };
    },
  };
}

/** A core that leaves prevotes out of what is recorded. */
const unrecorded: Core = { ...CORE, recordSigned: (record, content, signed) => CORE.recordSigned(record, content, signed.filter(({ body }) => body.kind !== 'prevote')) };

/** What breaks the order, and the rows that must say so. */
const MUTANTS: readonly (readonly [what: string, ports: Ports, rows: readonly Row[]])[] = [
  ['the put of a body answers before it is done', { early: early('body'), writeUs: slow('body') }, ['proposal: body', 'lock record: body']],
  ['a proposal is sent without waiting for its body', { core: forgetful('durableBeforeSend'), writeUs: slow('body') }, ['proposal: body']],
  ['a lock is recorded without waiting for its body', { core: forgetful('durableBeforeWrite'), writeUs: slow('body') }, ['lock record: body']],
  ['the guard answers before its record is on disk', { early: early('guard') }, ['proposal: guard', 'prevote: guard', 'precommit: guard']],
  ['the record leaves out the prevote', { core: unrecorded }, ['prevote: guard']],
  ['the put of a certificate answers before it is done', { early: early('certificate'), writeUs: slow('certificate') }, ['final: certificate', 'next height: certificate below']],
  // One log: the certificate behind a body makes both durable, unless it does not wait either.
  ['the puts of body and certificate both answer before they are done', { early: early('body', 'certificate'), writeUs: slow('body', 'certificate') }, ['final: body', 'final: certificate']],
];

void t.test('every row is broken by one of them', async (test) => {
  test.same([...new Set(MUTANTS.flatMap(([, , rows]) => rows))].sort(), [...ROWS].sort());
});

for (const [what, ports, rows] of MUTANTS) {
  void t.test(`caught: ${what}`, async (test) => {
    const judge = await judged(ports);
    for (const row of rows) test.ok(judge.broken.has(row), `"${row}" says so`);
    test.comment([...judge.broken].join(', '));
  });
}
