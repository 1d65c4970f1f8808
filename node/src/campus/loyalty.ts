/** Which coupons an account ever got: rows of final blocks, under a blind index of its address. What they are worth the chain's state says. */
import type { Loyalty } from '../campusPorts.ts';
import type { KeyValueStore } from '../ports.ts';
import { blindIndex } from './crypto.ts';
import type { Follower } from './follower.ts';
import type { CampusKeys } from './keyFile.ts';
import { listRows, TABLES } from './store.ts';

export interface LoyaltyDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly follower: Pick<Follower, 'caughtUp' | 'cursor'>;
}

export function openLoyalty({ store, keys, follower }: LoyaltyDeps): Loyalty {
  return {
    async couponIds(address, limit) {
      await follower.caughtUp();
      const { height } = follower.cursor();
      const under = `${blindIndex(keys, 'address', address)}/`;
      return { height, ids: (await listRows(store, TABLES.coupon, { under, limit })).map(({ id }) => id.slice(under.length)) };
    },
  };
}
