/** What traces are made from: the life of a batch in the index, kept over restarts and rebuilt from the blocks. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { batchKeyOf, sha256, toHex, utf8 } from '@billcoin/protocol';
import { addSignature, buildRedeem, encodeTransaction } from '@billcoin/sdk';
import type { ChainPort } from '../../src/ports.ts';
import { sdkKey } from '../support/campusWorld.ts';
import { replaceValue } from '../support/damage.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { dateOf, KEYS, makeTestFolders, TxMaker } from '../support/testNetwork.ts';

const LOT = utf8('LOT-1');

interface Seen {
  readonly kinds: readonly string[];
  readonly places: readonly string[];
  readonly lots: readonly string[];
}

async function look(port: ChainPort, batch: Uint8Array): Promise<Seen> {
  const history = await port.batchHistory(batch, 100);
  return {
    kinds: history.map(({ body, events }) => `${body.kind.case}: ${events.map((event) => event.case).join(' ')}`), places: history.map(({ height, index, timeMs, txHash }) => `${height}/${index} ${timeMs} ${txHash}`),
    lots: (await port.batchesOfLot(LOT, 16)).map(toHex),
  };
}

t.test('a batch is found with all its transactions, after a restart and after its index was lost or is of an older release', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(() => folders.remove());
  const { config, genesis } = folders;
  const batch = batchKeyOf(KEYS.plant.address, LOT, dateOf(genesis.spec.timeMs));
  const first = await runNode(config);
  t.teardown(() => first.stop());
  const maker = new TxMaker(genesis);
  for (const bytes of maker.mint(10_000n)) await submitFinal(first.port, bytes);
  await submitFinal(first.port, maker.transfer(KEYS.farm, KEYS.cafeteria.address, 1_000n));
  const redeem = buildRedeem({ genesisHash: genesis.genesisHash, validUntilMs: Date.now() + 60_000, holder: KEYS.cafeteria.address, batch, amountMl: 500n, noteHash: sha256(utf8('note')) });
  await submitFinal(first.port, encodeTransaction([sdkKey(KEYS.cafeteria), sdkKey(KEYS.plant)].reduce(addSignature, redeem)));
  const seen = await look(first.port, batch);
  t.same(seen.kinds, ['openBatch: batchOpened', 'attest: attested minted', 'redeem: redeemed'], 'the transfer is not among them');
  t.same(seen.lots, [toHex(batch)]);
  t.same((await first.port.batchHistory(batch, 1)).map(({ body }) => body.kind.case), ['openBatch'], 'the oldest come first');
  t.same(await first.port.batchHistory(new Uint8Array(32), 10), []);
  t.same(await first.port.batchesOfLot(utf8('LOT-'), 16), [], 'a lot is not found by its beginning');
  await first.stop();

  const changes: readonly (readonly [string, () => Promise<void>])[] = [
    ['a restart', async () => undefined],
    ['the index lost', () => rm(join(config.dataDir, 'index'), { recursive: true })],
    ['an index of an older release', () => replaceValue(config.dataDir, 'index', 'm/version', () => new Uint8Array(8))],
  ];
  for (const [what, change] of changes) {
    await change();
    const node = await runNode(config);
    t.teardown(() => node.stop());
    t.same(await look(node.port, batch), seen, what);
    await node.stop();
    t.same(node.halts, [], what);
  }
});
