/** Evidence that waits for a block outlives the process (consensus page §1.10, §1.12). */
import t from 'tap';
import { decode, Evidence, toHex } from '@billcoin/protocol';
import { EvidenceDesk } from '../../src/driver/evidenceDesk.ts';
import { EvidencePool, PENDING_EVIDENCE_MAX } from '../../src/driver/evidencePool.ts';
import { makeLog } from '../../src/log.ts';
import type { Network, PeerMessage } from '../../src/ports.ts';
import { SimDisk, type DiskUser } from '../../src/sim/disk.ts';
import { Random } from '../../src/sim/random.ts';
import { makeBlockStore } from '../../src/storage/blockStore.ts';
import { makeSignedChain, type SignedChain } from '../support/signedChain.ts';

const USER: DiskUser = { isAlive: () => true, mayRead: () => true, damaged: () => undefined, write: async (_what, _sync, done) => done() };

/** One life of a node's pool on a disk. */
async function live(chain: SignedChain, disk: SimDisk) {
  const store = makeBlockStore(disk.open('blocks', USER));
  return { store, pool: new EvidencePool(chain.chain, store, await store.evidence(PENDING_EVIDENCE_MAX)) };
}

const hex = (pieces: readonly Uint8Array[]): readonly string[] => pieces.map(toHex).sort();

t.test('an offence that no block holds is offered again after a crash, and forgotten once one does', async (t) => {
  const chain = makeSignedChain(4);
  const disk = new SimDisk(false);
  chain.decide(chain.build());
  const evidence = chain.doublePrevote(1, 1);
  const first = await live(chain, disk);
  await first.pool.add(evidence);
  await first.pool.add(evidence);
  disk.crash(new Random('evidence'));

  const second = await live(chain, disk);
  t.same(hex(second.pool.offer(chain.tip())), hex([evidence]), 'it was on disk when `add` resolved');
  t.ok(second.pool.hasWork(chain.tip()), 'and is work for a block');
  const block = chain.build(second.pool.offer(chain.tip()));
  await second.pool.settle(chain.tip(), block.evidence);
  chain.decide(block);
  t.same(second.pool.offer(chain.tip()), []);
  t.same(await second.store.evidence(PENDING_EVIDENCE_MAX), [], 'nothing is left on disk');
  t.equal((await live(chain, disk)).pool.hasWork(chain.tip()), false);
});

t.test('evidence of a height that is not final waits, on disk too', async (t) => {
  const chain = makeSignedChain(4);
  const disk = new SimDisk(false);
  const evidence = chain.doublePrevote(2, 1);
  await (await live(chain, disk)).pool.add(evidence);
  const { pool } = await live(chain, disk);
  t.same(pool.offer(chain.tip()), []);
  chain.decide(chain.build());
  t.same(hex(pool.offer(chain.tip())), hex([evidence]));
});

t.test('whoever saw an offence tells it with every height until a block holds it: he may never propose himself', async (t) => {
  const chain = makeSignedChain(4);
  const { pool } = await live(chain, new SimDisk(false));
  const told: PeerMessage[] = [];
  const desk = new EvidenceDesk({ chain: chain.chain, log: makeLog({ level: 'silent', nodeName: 'test' }), network: { sendAll: (message: PeerMessage) => void told.push(message) } as Network, onEvidence: () => undefined }, pool);
  const bytes = chain.doublePrevote(1, 1);
  const evidence = decode(Evidence, bytes);
  if (!evidence.ok) throw new Error('it decodes');
  await desk.report({ kind: 'reportEvidence', evidence: evidence.value, offender: 1, own: true });
  desk.tell(chain.tip());
  t.same(told, [], 'its height is not final: it would prove nothing to anybody yet');
  chain.decide(chain.build());
  desk.tell(chain.tip());
  desk.tell(chain.tip());
  t.same(told, [{ kind: 'evidence', evidence: bytes }, { kind: 'evidence', evidence: bytes }], 'a peer that was behind hears of it the next time');
  const block = chain.build(pool.offer(chain.tip()));
  await pool.settle(chain.tip(), block.evidence);
  chain.decide(block);
  desk.tell(chain.tip());
  t.equal(told.length, 2);
});

t.test('a flood of offences fills a bounded number of rows', async (t) => {
  const chain = makeSignedChain(4);
  const disk = new SimDisk(false);
  const { pool, store } = await live(chain, disk);
  for (let round = 0; round < PENDING_EVIDENCE_MAX + 20; round++) await pool.add(chain.doublePrevote(3, 1, round));
  t.equal((await store.evidence(1_000)).length, PENDING_EVIDENCE_MAX);
  await store.clearEvidence();
  t.same(await store.evidence(1_000), []);
});

t.test('a punished validator that goes on double voting does not shut out the offences of others', async (t) => {
  const chain = makeSignedChain(4);
  const disk = new SimDisk(false);
  chain.decide(chain.build());
  const { pool, store } = await live(chain, disk);
  async function next(): Promise<void> {
    const block = chain.build(pool.offer(chain.tip()));
    await pool.settle(chain.tip(), block.evidence);
    chain.decide(block);
  }
  await pool.add(chain.doublePrevote(1, 1));
  await next();
  for (let round = 0; round < PENDING_EVIDENCE_MAX + 20; round++) await pool.add(chain.doublePrevote(1, 1, 1 + round));
  t.equal((await store.evidence(1_000)).length, PENDING_EVIDENCE_MAX, 'the pool is full of what proves nothing any more');
  for (let i = 0; i < 5; i++) await next();
  t.same(await store.evidence(1_000), [], 'it has been dropped');
  const other = chain.doublePrevote(2, 2);
  await pool.add(other);
  t.same(hex(pool.offer(chain.tip())), hex([other]));
});
