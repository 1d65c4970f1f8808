/** Evidence of double signing in a block (SPEC §17.4): whether it may stand there, and whom it names. */
import { addressOf } from '../lib/address.ts';
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import { heightOfEvidence, readEvidence, type Offence } from '../consensus/evidence.ts';
import { ROWS } from '../state/layout.ts';
import { paramsOf } from '../state/params.ts';
import { slash } from '../state/stake.ts';
import { epochAt, setOfEpoch } from '../state/stakeEpochs.ts';
import type { Draft } from '../state/view.ts';
import { STANDING } from '../wire/state.ts';
import type { Chain, Tip } from './chain.ts';

/** Evidence and the offence it proves. */
export interface ProvenOffence {
  readonly bytes: Uint8Array;
  readonly offence: Offence;
}

/**
 * The offence that evidence proves to the block after `tip`; undefined where it proves nothing, is of no final height, is
 * too old, or names a validator that was punished already.
 * @param timeMs of that block. Age counts from the block that began the stake epoch of the offence, so that all the stake
 * of that epoch is still bonded or unbonding.
 */
export function offenceIn(chain: Chain, tip: Tip, evidence: Uint8Array, timeMs = tip.timeMs): Offence | undefined {
  const height = heightOfEvidence(evidence);
  const epoch = height === undefined || height > tip.height ? undefined : epochAt(tip.state, height);
  if (epoch === undefined || timeMs > epoch.sinceMs + paramsOf(tip.state).evidenceMaxAgeMs) return undefined;
  const { genesisHash, verify } = chain;
  const read = readEvidence({ genesisHash, verify, validators: setOfEpoch(tip.state, epoch), since: epoch.setSince }, evidence);
  if (!read.ok) return undefined;
  const offender = tip.state.get(ROWS.validator, toHex(addressOf(read.value.publicKey)));
  return offender === undefined || offender.standing === STANDING.tombstoned ? undefined : read.value;
}

/** What an offence costs (SPEC §17.4), before anything else in a block. */
export function punish(draft: Draft, { height, publicKey }: Offence): void {
  const epoch = epochAt(draft, height);
  assert(epoch !== undefined, 'the epoch of a proven offence is kept');
  slash(draft, toHex(addressOf(publicKey)), epoch);
}

/** The pieces that may stand together in the block after `tip`, in their order: each proves an offence, no two name one validator. */
export function provenIn(chain: Chain, tip: Tip, evidence: readonly Uint8Array[], timeMs: number): readonly ProvenOffence[] {
  const named = new Set<string>();
  return evidence.flatMap((bytes) => {
    const offence = offenceIn(chain, tip, bytes, timeMs);
    if (offence === undefined || named.has(toHex(offence.publicKey))) return [];
    named.add(toHex(offence.publicKey));
    return [{ bytes, offence }];
  });
}
