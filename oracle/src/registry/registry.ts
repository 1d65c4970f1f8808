/** The registry as rules see it: rows of the chain's state at one height. Maps are keyed by lower-case hex. */
import type { stateRows } from '@billcoin/protocol';

export interface Registry {
  readonly height: number;
  /** Time of the block at `height`, ms. */
  readonly timeMs: number;
  readonly devices: ReadonlyMap<string, stateRows.DeviceRow>;
  readonly farms: ReadonlyMap<string, { readonly account: Uint8Array; readonly status: number }>;
  readonly plants: ReadonlyMap<string, { readonly account: Uint8Array; readonly status: number; readonly profileHash: Uint8Array }>;
  readonly meters: ReadonlyMap<string, { readonly meter: Uint8Array; readonly plant: Uint8Array }>;
  /** Account of the regulator, who signs overrides with the plant. */
  readonly regulator: Uint8Array;
}
