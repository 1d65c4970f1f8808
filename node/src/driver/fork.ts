/** Two blocks of one height, both with a quorum: more than a third has lied (consensus page §1.17). */
import { bitOf, decode, duplicateVote, encode, equalBytes, verifyCertificate, votesOf, Certificate, Evidence, type Chain, type Tip } from '@billcoin/protocol';

export interface Fork {
  readonly height: number;
  /** DuplicateVote evidence against everybody who signed both in one round; none where the quorums are of two rounds. */
  readonly evidence: readonly Uint8Array[];
  readonly offenders: readonly number[];
}

/** What a peer's certificate of the tip's height proves if it names another block; undefined where all is well. */
export function forkAt(chain: Chain, tip: Tip, theirs: Certificate): Fork | undefined {
  if (theirs.height !== tip.height || equalBytes(theirs.blockId, tip.blockId) || tip.certificateBytes === undefined) return undefined;
  if (theirs.type !== 2 || !verifyCertificate(chain.genesisHash, tip.signers, theirs, chain.verify).ok) return undefined;
  const own = decode(Certificate, tip.certificateBytes);
  if (!own.ok || own.value.round !== theirs.round) return { height: tip.height, evidence: [], offenders: [] };
  const [mine, others] = [votesOf(own.value), votesOf(theirs)];
  const both = mine.filter(({ validatorIndex }) => bitOf(theirs.bitmap, validatorIndex));
  const evidence = both.map((vote) => encode(Evidence, duplicateVote(vote, others.find((other) => other.validatorIndex === vote.validatorIndex)!)));
  return { height: tip.height, evidence, offenders: both.map(({ validatorIndex }) => validatorIndex) };
}
