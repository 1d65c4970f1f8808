/** The cafeteria: two tills, a shelf that is filled by deliveries, and an account that sells its earnings. */
import { readFileSync } from 'node:fs';
import { loadGenesis, verifyEd25519 } from '@billcoin/protocol';
import { createVerifiedClient, signTransfer } from '@billcoin/sdk';
import { asAccount } from '../accounts.ts';
import { keyOf, pathsOf, TILLS } from '../network.ts';
import { takeDelivery } from './delivery.ts';
import { runPart } from './part.ts';
import { balanceOf, mustSettle, pause } from './settle.ts';
import { openShelf } from './shelf.ts';
import { keepOrderWaiting } from './waitingOrder.ts';
import { Till } from './till.ts';
import { trustRoot } from './trustRoot.ts';

const FEE_ML = 1n;
/** Tills hear of a payment within milliseconds, or ask after three seconds. */
const SETTLED_PATIENCE_MS = 20_000;

await runPart<'cafeteria'>(async (part) => {
  const { client, genesisHash, config } = part;
  const paths = pathsOf(config.root);
  const key = keyOf(paths, 'cafeteria');
  const treasury = keyOf(paths, 'treasury');
  const genesis = loadGenesis(readFileSync(paths.genesis, 'utf8'), verifyEd25519);
  if (!genesis.ok) throw new Error(`${paths.genesis} is refused`);
  const verified = createVerifiedClient({ client, genesisHash, root: await trustRoot(client, genesis.value) });
  const tills = TILLS.map((tillNo) => new Till(part, tillNo, keyOf(paths, `till-${tillNo}`), verified));
  const openOrders = (): number => tills.reduce((sum, till) => sum + till.open, 0);
  const shelf = await openShelf(asAccount(client, config.root, 'manager'), key.addressText);
  let stopWaiting = (): void => undefined;

  return {
    handlers: {
      async restock({ batchKey, lot, amountMl }) {
        await takeDelivery(part, key, batchKey, BigInt(amountMl), `cafeteria shelf, lot ${lot}`);
        await shelf.fill(lot, amountMl);
        return { redeemedMl: amountMl };
      },
      order({ till }) {
        const chosen = tills[till % tills.length];
        const product = shelf.open();
        if (chosen === undefined || product === undefined) return Promise.reject(new Error('the shelf is empty'));
        return chosen.order(product);
      },
      async sell() {
        const amountMl = await balanceOf(part.as(key), key.addressText) - FEE_ML;
        if (amountMl <= 0n) return { soldMl: 0 };
        await mustSettle(client, signTransfer({ genesisHash, to: treasury.address, amountMl, feeMl: FEE_ML }, key));
        return { soldMl: Number(amountMl) };
      },
      offer() {
        const [till] = tills;
        if (till !== undefined) stopWaiting = keepOrderWaiting(till, paths, shelf.open);
        return Promise.resolve({});
      },
      async settled() {
        const endMs = Date.now() + SETTLED_PATIENCE_MS;
        while (openOrders() > 0 && Date.now() < endMs) await pause(100);
        return { open: openOrders() };
      },
    },
    stop() {
      stopWaiting();
      for (const till of tills) till.close();
      return Promise.resolve();
    },
  };
});
