/** A chain of one validator, whole: real folders, real signatures, real time. */
import t from 'tap';
import { assertReserveWhole, balanceOf, toHex, verifyCertificate, verifyEd25519, type Certificate } from '@billcoin/protocol';
import { systemClock, systemTimers } from '../../src/clock.ts';
import type { FinalBlock } from '../../src/ports.ts';
import { startBare } from '../support/bareNode.ts';
import { runMinted } from '../support/mintedNode.ts';
import { nextBlock, runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, TxMaker, keyOf, makeTestFolders } from '../support/testNetwork.ts';
import { until } from '../support/until.ts';

/** Values alone: an absent field and one that is undefined are the same. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item instanceof Uint8Array ? toHex(item) : item)));
}

void t.test('a payment on an idle chain is final in the next block, with a certificate anybody can check', async (test) => {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0 }, verifyThreads: 1 });
  test.teardown(folders.remove);
  const node = await runNode(folders.config);
  const { port } = node;
  const maker = new TxMaker(folders.genesis);
  test.same([port.tip().height, port.tip().certificate, port.chainId, port.network], [0, undefined, folders.genesis.chainId, 'node-test']);
  for (const bytes of maker.mint(1_000_000n)) await submitFinal(port, bytes);

  const admitted: string[] = [];
  port.onAdmitted(({ txHash, body }) => void admitted.push(`${txHash} ${body.kind.case}`));
  const pay = maker.pay(KEYS.farm, maker.invoice('carton'));
  const { txHash } = maker.parse(pay);
  const wasHeight = port.tip().height;
  const final = await submitFinal(port, pay);
  test.match(final, { status: 'final', height: wasHeight + 1, index: 0, code: 0 });
  test.same(admitted, [`${txHash} pay`]);

  const block = await port.readFinal(final.height);
  test.equal(block?.txs[0]?.events[0]?.case, 'paid');
  test.ok(verifyCertificate(folders.genesis.genesisHash, port.validators, block?.certificate as Certificate, verifyEd25519).ok);
  test.equal(await port.heightOfBlock(toHex(final.blockId)), final.height);
  test.equal(await port.heightOfBlock('00'.repeat(32)), undefined);
  test.equal(await port.heightOfBlock('no hash'), undefined);
  test.equal(await port.readFinal(0), undefined);
  test.equal(await port.readFinal(final.height + 1), undefined);
  test.equal(await port.txStatus('ab'.repeat(32)), undefined);
  test.equal(balanceOf(port.state(), KEYS.cafeteria.address), 299n, '300 mL less the fee of 1 mL');
  assertReserveWhole(port.state());
  await node.stop();
  test.same(node.halts, []);

  const again = await runNode(folders.config);
  test.same(plain(await again.port.readFinal(final.height)), plain(block), 'read back from disk it is the same');
  test.match(await again.port.submit(pay), { ok: true, fresh: false, status: final });
  await again.stop();
});

void t.test('history comes newest first and in pages', async (test) => {
  const { node, maker } = await runMinted(test);
  const sent: string[] = [];
  for (let i = 0; i < 5; i++) {
    const tx = maker.transfer(KEYS.farm, KEYS.treasury.address, 10n);
    sent.unshift(maker.parse(tx).txHash);
    await submitFinal(node.port, tx);
  }
  const first = await node.port.accountHistory(KEYS.treasury.address, 2);
  const second = await node.port.accountHistory(KEYS.treasury.address, 10, first.at(-1));
  test.same([...first, ...second].map(({ txHash }) => txHash), sent);
  test.same(await node.port.accountHistory(keyOf('nobody').address, 10), []);
});

void t.test('a burst is batched: every transaction final once, blocks at least the pace apart', async (test) => {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 50 }, verifyThreads: 1 });
  test.teardown(folders.remove);
  const node = await runNode(folders.config);
  test.teardown(node.stop);
  const maker = new TxMaker(folders.genesis);
  for (const bytes of maker.mint(10_000_000n)) await submitFinal(node.port, bytes);
  const payers = Array.from({ length: 10 }, (_, i) => keyOf(`payer ${i}`));
  for (const payer of payers) await submitFinal(node.port, maker.transfer(KEYS.farm, payer.address, 10_000n));

  const burst = payers.flatMap((payer) => Array.from({ length: 30 }, () => maker.transfer(payer, KEYS.treasury.address, 1n)));
  const blocks: FinalBlock[] = [];
  node.port.onFinal((block) => void blocks.push(block));
  const all = nextBlock(node.port, () => blocks.reduce((sum, block) => sum + block.txs.length, 0) >= burst.length);
  const answers = await Promise.all(burst.map((bytes) => node.port.submit(bytes)));
  test.ok(answers.every((answer) => answer.ok));
  await all;
  const ids = blocks.flatMap((block) => block.txs.map((tx) => tx.txHash));
  test.equal(ids.length, burst.length);
  test.equal(new Set(ids).size, burst.length);
  test.ok(blocks.length < burst.length / 5, `${blocks.length} blocks`);
  test.same(node.port.poolInfo().transactions, 0);
  test.equal(balanceOf(node.port.state(), KEYS.treasury.address), 300n);
});

void t.test('an idle chain makes an empty block each idle interval', async (test) => {
  const folders = await makeTestFolders({ params: { idleBlockIntervalMs: 100, minBlockIntervalMs: 10 } });
  test.teardown(folders.remove);
  const node = await runNode(folders.config);
  test.teardown(node.stop);
  const times: number[] = [];
  node.port.onFinal((block) => void times.push(block.timeMs));
  await nextBlock(node.port, (block) => block.height >= 4);
  test.ok(times.every((timeMs, i) => i === 0 || timeMs - (times[i - 1] ?? 0) >= 90), times.join());
  const text = await node.metrics.registry.metrics();
  test.match(text, /billcoin_chain_height 4/);
  test.match(text, /billcoin_disk_sync_seconds_count\{what="certificate"\} 4/);
});

void t.test('a listener that throws does not stop the chain', async (test) => {
  const folders = await makeTestFolders({ params: { idleBlockIntervalMs: 100, minBlockIntervalMs: 10 } });
  test.teardown(folders.remove);
  const node = await runNode(folders.config);
  test.teardown(node.stop);
  node.port.onFinal(() => {
    throw new Error('a bug of a listener');
  });
  await nextBlock(node.port, (block) => block.height >= 2);
  test.same(node.halts, []);
});

void t.test('a node whose clock is behind waits with its block, with one timer however many rounds fail, and leaves none when it stops', async (test) => {
  const folders = await makeTestFolders({ params: { timeoutProposeMs: 20, timeoutVoteMs: 20 } });
  test.teardown(folders.remove);
  const AN_HOUR_MS = 3_600_000;
  const running = new Map<symbol, number>();
  const timers = {
    after(delayMs: number, fire: () => void): () => void {
      const id = Symbol('timer');
      running.set(id, delayMs);
      const cancel = systemTimers.after(delayMs, () => {
        running.delete(id);
        fire();
      });
      return () => {
        running.delete(id);
        cancel();
      };
    },
  };
  const waits = (): number => [...running.values()].filter((delayMs) => delayMs > AN_HOUR_MS / 2).length;
  const node = await startBare(folders, { clock: { ...systemClock, nowMs: () => Date.now() - AN_HOUR_MS }, timers });
  const [open] = new TxMaker(folders.genesis).mint(1_000n);
  await node.port.submit(open);
  await until(() => waits() > 0);
  const rounds: number[] = [];
  await until(() => {
    const { round } = node.progress();
    if (rounds.at(-1) !== round) rounds.push(round);
    return rounds.length > 4;
  });
  test.equal(waits(), 1);
  await node.stop();
  test.equal(running.size, 0);
});
