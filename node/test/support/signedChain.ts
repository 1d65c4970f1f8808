/** A chain of n validators whose blocks and votes the test makes by itself, with the keys of all of them. */
import {
  StateTree, buildBlock, commitBlock, duplicateVote, encode, genesisTip, indexOfKey, makeCertificate, makeChain, makeSchedule, proposerAt, toHex, votePreimage, Evidence,
  type Certificate, type Executed, type SignedVote, type Tip, type VoteFields,
} from '@billcoin/protocol';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { makeSimGenesis, validatorKeys } from '../../src/sim/world.ts';

const BLOCK_MS = 1_000;

export function makeSignedChain(size: number) {
  const genesis = makeSimGenesis(size);
  const chain = makeChain(genesis, HASH_SIGNATURES.verify, new StateTree());
  let tip: Tip = genesisTip(chain, genesis);
  const keys = validatorKeys(size);
  const keyAt = (index: number) => {
    const key = keys.find(({ publicKey }) => indexOfKey(genesis.validators, publicKey) === index);
    if (key === undefined) throw new Error(`there is no validator ${index}`);
    return key;
  };
  const vote = (fields: VoteFields, validatorIndex: number): SignedVote => ({ ...fields, validatorIndex, signature: HASH_SIGNATURES.sign(keyAt(validatorIndex), votePreimage(genesis.genesisHash, fields)) });

  /** The commit of these validators, by default of all. */
  function commit(height: number, blockId: Uint8Array, signers: readonly number[] = keys.map((_, i) => i), round = 0): Certificate {
    const fields = { type: 'precommit', height, round, blockId: toHex(blockId) } as const;
    const made = makeCertificate(genesis.validators, fields, genesis.validators.validators.map((_, i) => (signers.includes(i) ? vote(fields, i) : undefined)));
    if (made === undefined) throw new Error('the signers are no quorum');
    return made;
  }

  return {
    genesis, chain, keyAt, vote, commit,
    tip: () => tip,
    /** The next block, not decided yet. */
    build(evidence: readonly Uint8Array[] = []): Executed {
      const proposerIndex = proposerAt(makeSchedule(tip.validators, tip.validatorsSince), tip.height + 1, 0);
      return buildBlock(chain, tip, [], tip.timeMs + BLOCK_MS, { proposerIndex, round: 0, evidence });
    },
    decide(block: Executed): Certificate {
      const certificate = commit(block.header.height, block.blockId);
      tip = commitBlock(chain, tip, block, certificate);
      return certificate;
    },
    /** Evidence bytes: two prevotes of one validator at a height. */
    doublePrevote(offender: number, height: number, round = 0): Uint8Array {
      const [a, b] = ['a', 'b'].map((digit) => vote({ type: 'prevote', height, round, blockId: digit.repeat(64) }, offender)) as [SignedVote, SignedVote];
      return encode(Evidence, duplicateVote(a, b));
    },
  };
}

export type SignedChain = ReturnType<typeof makeSignedChain>;
