/** The cafeteria's shelf: cartons of 250 mL at RM 1.80, counted by the node as they come and go. */
import { addProduct, changeProduct, listProducts, type Client, type Product } from '@billcoin/sdk';
import { persist } from './settle.ts';

const CARTON_ML = 250;
/**
 * Cartons that stood there on the first day: orders that nobody came back to pay hold theirs for two minutes, and the
 * last customer of a day shall not wait for them.
 */
const FIRST_CARTONS = 100;
const MILK = { name: { en: 'Fresh milk 250 mL', ms: 'Susu segar 250 mL' }, price: { rule: 'rm', rm: '1.80' }, cartonLitres: '0.250', lot: null, received: FIRST_CARTONS } as const;

export interface Shelf {
  /** Cartons of a lot that were delivered. */
  fill(lot: string, amountMl: number): Promise<void>;
  /** What is sold, once the first delivery came. */
  open(): Product | undefined;
}

/** @param manager logged in as the merchant's manager */
export async function openShelf(manager: Client, merchantId: string): Promise<Shelf> {
  const { data: [known] } = await persist(() => listProducts(manager, { merchantId, limit: 1 }));
  let milk = known ?? await addProduct(manager, MILK);
  return {
    async fill(lot, amountMl) {
      const { productId } = milk;
      // A total: said again after an answer that was lost, it adds nothing twice.
      const received = milk.received + amountMl / CARTON_ML;
      milk = await persist(() => changeProduct(manager, { productId, lot, received }));
    },
    open: () => (milk.lot === null ? undefined : milk),
  };
}
