/** Evidence of double signing in a block (SPEC §17.4): whether it may stand there, and whom it names. */
import { addressOf } from '../lib/address.ts';
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import { attackersOf, heightOfEvidence, readEvidence, type Offence } from '../consensus/evidence.ts';
import { ROWS } from '../state/layout.ts';
import { paramsOf } from '../state/params.ts';
import { slash } from '../state/stake.ts';
import { epochAt, setOfEpoch } from '../state/stakeEpochs.ts';
import type { Draft } from '../state/view.ts';
import { decode } from '../wire/codec.ts';
import { Certificate, Evidence } from '../wire/consensus.ts';
import { STANDING, type StakeEpochRow } from '../wire/state.ts';
import type { Chain, Tip } from './chain.ts';

/** Evidence and the offences it proves: one, or those of several attackers. */
export interface ProvenOffence {
  readonly bytes: Uint8Array;
  readonly offences: readonly Offence[];
}

/** What evidence shows by itself, whoever has been punished already; undefined where it shows nothing. */
function shownBy(chain: Chain, tip: Tip, evidence: Uint8Array, height: number, epoch: StakeEpochRow): readonly Offence[] | undefined {
  const { genesisHash, verify } = chain;
  const validators = setOfEpoch(tip.state, epoch);
  const decoded = decode(Evidence, evidence);
  if (!decoded.ok || decoded.value.evidence.case !== 'lightClientAttack') {
    const read = readEvidence({ genesisHash, verify, validators, since: epoch.setSince }, evidence);
    return read.ok ? [read.value] : undefined;
  }
  const past = height < tip.height ? chain.past?.(height) : undefined;
  const certificate = past === undefined ? undefined : decode(Certificate, past.prevCommitOfNext);
  if (past === undefined || certificate?.ok !== true) return undefined;
  const { value: attack } = decoded.value.evidence;
  return attackersOf(chain, { header: past.header, validators, certificate: certificate.value }, attack)?.map((offender) => ({
    key: `${offender}|${height}|${attack.certificate.round}|header`, offender, publicKey: validators.validators[offender]!.publicKey, height, round: attack.certificate.round,
  }));
}

/**
 * The offences that evidence proves to the block after `tip`: none where it proves nothing, is of no final height (for
 * headers: of one whose commit does not stand in a final block yet), is too old, or names only validators that were punished already.
 * @param timeMs of that block. Age counts from the block that began the stake epoch of the offence, so that all the stake
 * of that epoch is still bonded or unbonding.
 */
export function offencesIn(chain: Chain, tip: Tip, evidence: Uint8Array, timeMs = tip.timeMs): readonly Offence[] {
  const height = heightOfEvidence(evidence);
  const epoch = height === undefined || height > tip.height ? undefined : epochAt(tip.state, height);
  if (height === undefined || epoch === undefined || timeMs > epoch.sinceMs + paramsOf(tip.state).evidenceMaxAgeMs) return [];
  return (shownBy(chain, tip, evidence, height, epoch) ?? []).filter(({ publicKey }) => {
    const offender = tip.state.get(ROWS.validator, toHex(addressOf(publicKey)));
    return offender !== undefined && offender.standing !== STANDING.tombstoned;
  });
}

/** The first of them. */
export function offenceIn(chain: Chain, tip: Tip, evidence: Uint8Array, timeMs = tip.timeMs): Offence | undefined {
  return offencesIn(chain, tip, evidence, timeMs)[0];
}

/**
 * Headers deceived a light client, and nobody can be blamed for sure: the quorum was of another round or on another parent.
 * Nobody pays, people must look.
 */
export function isUnpunishedAttack(chain: Chain, tip: Tip, evidence: Uint8Array): boolean {
  const height = heightOfEvidence(evidence);
  const epoch = height === undefined || height > tip.height ? undefined : epochAt(tip.state, height);
  return height !== undefined && epoch !== undefined && shownBy(chain, tip, evidence, height, epoch)?.length === 0;
}

/** What an offence costs (SPEC §17.4), before anything else in a block. */
export function punish(draft: Draft, { height, publicKey }: Offence): void {
  const epoch = epochAt(draft, height);
  assert(epoch !== undefined, 'the epoch of a proven offence is kept');
  slash(draft, toHex(addressOf(publicKey)), epoch);
}

/** The pieces that may stand together in the block after `tip`, in their order: each names somebody whom no earlier one names. */
export function provenIn(chain: Chain, tip: Tip, evidence: readonly Uint8Array[], timeMs: number): readonly ProvenOffence[] {
  const named = new Set<string>();
  return evidence.flatMap((bytes) => {
    const offences = offencesIn(chain, tip, bytes, timeMs).filter(({ publicKey }) => !named.has(toHex(publicKey)));
    for (const { publicKey } of offences) named.add(toHex(publicKey));
    return offences.length === 0 ? [] : [{ bytes, offences }];
  });
}
