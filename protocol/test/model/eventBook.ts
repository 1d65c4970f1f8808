/** What an auditor books who sees only transactions, fees and events (SPEC §14, step 5): it must come to what the model knows. */
import type { ChainEvent } from '../../src/index.ts';
import { hex } from './naiveState.ts';

/** Account → what it gained; `fees`, `supply` and `bond`, `owed` of all plants beside them. */
export type Book = Map<string, bigint>;

export function bookEvents(events: readonly ChainEvent[], book: Book): void {
  const add = (name: string | Uint8Array, ml: bigint): void => {
    const key = typeof name === 'string' ? name : hex(name);
    book.set(key, (book.get(key) ?? 0n) + ml);
  };
  for (const event of events) {
    switch (event.case) {
      case 'transferred': {
        const { from, to, amountMl } = event.value;
        add(from, -amountMl);
        add(to, amountMl);
        break;
      }
      case 'paid': {
        const { payer, merchant, ownMl, feeMl } = event.value;
        add(payer, -ownMl);
        add(merchant, ownMl - feeMl);
        add('fees', feeMl);
        break;
      }
      case 'refunded': {
        const { payer, merchant, amountMl } = event.value;
        add(merchant, -amountMl);
        add(payer, amountMl);
        break;
      }
      case 'redeemed':
        add(event.value.holder, -event.value.amountMl);
        add('supply', -event.value.amountMl);
        break;
      case 'minted': {
        const { plant, volumeMl, tollMl, repaidMl, bondedMl, farms } = event.value;
        add(plant, tollMl - repaidMl - bondedMl);
        for (const { farm, weightMl } of farms) add(farm, weightMl);
        add('bond', bondedMl);
        add('owed', -repaidMl);
        add('supply', volumeMl - repaidMl);
        break;
      }
      case 'custodyEnded': {
        const { plant, fromBondMl, fromBalanceMl, fromInsuranceMl, owedMl } = event.value;
        add(plant, -fromBalanceMl);
        add('bond', -fromBondMl);
        add('owed', owedMl);
        add('supply', -fromBondMl - fromBalanceMl - fromInsuranceMl);
        break;
      }
      case 'bondDeposited': {
        const { plant, repaidMl, bondedMl } = event.value;
        add(plant, -repaidMl - bondedMl);
        add('bond', bondedMl);
        add('owed', -repaidMl);
        add('supply', -repaidMl);
        break;
      }
      case 'bondWithdrawn':
        add(event.value.plant, event.value.amountMl);
        add('bond', -event.value.amountMl);
        break;
      default:
    }
  }
}
