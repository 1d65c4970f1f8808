/** What a simulation is asked for and what it tells, and the sentences of its story. */
import { toHex, type Executed, type Tip } from '@billcoin/protocol';
import type { PeerMessage } from '../ports.ts';
import type { Lie } from './byzantine.ts';
import type { CastOptions, Nature } from './cast.ts';
import type { FaultPlan } from './faults.ts';
import type { Signatures } from './keys.ts';
import type { Mutant } from './mutants.ts';

export interface SimulationOptions extends CastOptions {
  readonly seed: number;
  /** Decided heights after which the faults end. */
  readonly heights: number;
  readonly mutant?: Mutant | undefined;
  /** Fixed instead of drawn. */
  readonly signatures?: Signatures['name'] | undefined;
  readonly faults?: Partial<FaultPlan> | undefined;
  /** Sees each block once, when a correct node first calls it final, with the state after it. */
  readonly onDecided?: ((block: Executed, after: Tip) => void) | undefined;
}

export interface Violation {
  readonly invariant: string;
  readonly what: string;
  readonly atMs: number;
}

export interface SimulationReport {
  readonly seed: number;
  readonly hash: string;
  readonly heights: number;
  readonly virtualMs: number;
  readonly events: number;
  readonly validators: number;
  readonly liars: number;
  readonly natures: readonly Nature[];
  readonly lies: readonly Lie[];
  readonly signatures: Signatures['name'];
  readonly violation: Violation | undefined;
  /** Faults that happened, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Offences that stand in blocks. */
  readonly evidence: number;
  /** How often another set has begun to vote. */
  readonly setChanges: number;
  /** Evidence that correct nodes have reported. */
  readonly evidenceSeen: readonly Uint8Array[];
  /** Newest lines of the trace. */
  readonly story: readonly string[];
  readonly clients: Readonly<Record<string, number>>;
}

/** A message in a line of the story. */
export function describe(to: number | undefined, message: PeerMessage): string {
  const target = to === undefined ? 'all' : String(to);
  switch (message.kind) {
    case 'status': return `tells ${target} it is at ${message.status.height}/${message.status.round} ${message.status.step}`;
    case 'certificate': return `sends ${target} certificate ${message.certificate.height}/${message.certificate.round} type ${message.certificate.type}`;
    case 'vote': return `sends ${target} vote ${toHex(message.vote.body.slice(0, 16))} of ${message.vote.validatorIndex}`;
    case 'needBlock': return `asks ${target} for a block of ${message.height}`;
    default: return `sends ${target} ${message.kind}`;
  }
}
