/** A call as limits see it. */
import type { ParsedTx } from '@billcoin/protocol';
import type { Route } from '@billcoin/sdk';
import type { LimitState } from '../abusePorts.ts';
import type { Caller } from './caller.ts';

export interface Call {
  readonly route: Route;
  readonly caller: Caller;
  /** Key of the network address; undefined for this machine itself. */
  readonly address: string | undefined;
  readonly requestId: string;
  /** Grows with every limit that is asked; the answer's headers tell them. */
  readonly limits: LimitState[];
  /** The Pay in the body, where limits have parsed it. */
  tx?: ParsedTx;
}
