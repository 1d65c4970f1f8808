/** Headers of a chain whose validator set changes as a test says, signed by real keys; no ledger behind them. */
import { blockIdBytes, decode, encode, Header, makeCertificate, makeValidatorSet, toHex, trustGenesis, validatorsHash, votePreimage, type Certificate, type LightBlock, type TrustedHeader, type ValidatorSet } from '../../src/index.ts';
import { keyOf, signFast, START_MS, verifyFast, type Key } from '../support/world.ts';

export const GENESIS_HASH = new Uint8Array(32).fill(0x6e);
export const context = { genesisHash: GENESIS_HASH, verify: verifyFast };
export const BLOCK_MS = 1_000;

const keys = new Map<string, Key>();
/** The key of a validator by its name. */
export function validator(name: string): Key {
  const key = keys.get(name) ?? keyOf(`light ${name}`);
  keys.set(name, key);
  return key;
}

/** A set of these validators; `name*3` has power 3. */
export function setOf(...names: readonly string[]): ValidatorSet {
  return makeValidatorSet(names.map((text) => {
    const [name = '', power = '1'] = text.split('*');
    return { publicKey: validator(name).publicKey, power: Number(power) };
  }));
}

/** A certificate of `header` by those members of the set whose names are given (all members unless given). */
export function certify(headerBytes: Uint8Array, set: ValidatorSet, signers?: readonly string[], round = 0): Certificate {
  const header = headerOf(headerBytes);
  const vote = { type: 'precommit', height: header.height, round, blockId: toHex(blockIdBytes(GENESIS_HASH, headerBytes)) } as const;
  const message = votePreimage(GENESIS_HASH, vote);
  const chosen = signers?.map((name) => toHex(validator(name).publicKey));
  const byKey = new Map([...keys.values()].map((key) => [toHex(key.publicKey), key]));
  const votes = set.validators.map(({ publicKey }, validatorIndex) => {
    const hex = toHex(publicKey);
    if (chosen !== undefined && !chosen.includes(hex)) return undefined;
    return { ...vote, validatorIndex, signature: signFast(byKey.get(hex)!.seed, message) };
  });
  const certificate = makeCertificate(set, vote, votes);
  if (certificate === undefined) throw new Error('the signers are no quorum');
  return certificate;
}

export function headerOf(bytes: Uint8Array): Header {
  const decoded = decode(Header, bytes);
  if (!decoded.ok) throw new Error('no header');
  return decoded.value;
}

export interface HeaderPlan {
  readonly height: number;
  readonly set: ValidatorSet;
  readonly next: ValidatorSet;
  readonly prevBlockId: Uint8Array;
  readonly timeMs?: number;
  /** Changes the block and so its id. */
  readonly mark?: number;
}

export function makeHeader({ height, set, next, prevBlockId, timeMs = START_MS + height * BLOCK_MS, mark = 0 }: HeaderPlan): Uint8Array {
  const root = new Uint8Array(32).fill(mark);
  return encode(Header, {
    version: 1, height, timeMs, prevBlockId, prevCommitHash: new Uint8Array(32), txRoot: root, txCount: 0, resultRoot: root, stateRoot: root, validatorsHash: validatorsHash(set), nextValidatorsHash: validatorsHash(next),
    evidenceRoot: root, proposerIndex: 0, round: 0,
  });
}

export function lightBlockOf(headerBytes: Uint8Array, set: ValidatorSet, next: ValidatorSet, signers?: readonly string[], round = 0): LightBlock {
  const same = toHex(validatorsHash(set)) === toHex(validatorsHash(next));
  return { header: headerBytes, certificate: certify(headerBytes, set, signers, round), validators: set, nextValidators: same ? undefined : next };
}

/** A chain of `length` blocks whose set at height h is `setAt(h)`; `mark` makes another history from `forkAt` on. */
export class LightChain {
  readonly root: TrustedHeader;
  readonly #blocks: LightBlock[] = [];

  constructor(length: number, setAt: (height: number) => ValidatorSet, fork?: { readonly of: LightChain; readonly at: number; readonly mark: number }) {
    this.root = trustGenesis({ spec: { timeMs: START_MS }, validators: setAt(1) });
    let prevBlockId = this.root.blockId;
    for (let height = 1; height <= length; height++) {
      const shared = fork !== undefined && height < fork.at ? fork.of.at(height) : undefined;
      const [set, next] = [setAt(height), setAt(height + 1)];
      const headerBytes = makeHeader({ height, set, next, prevBlockId, mark: fork?.mark ?? 0 });
      const block = shared ?? lightBlockOf(headerBytes, set, next);
      this.#blocks.push(block);
      prevBlockId = blockIdBytes(GENESIS_HASH, block.header);
    }
  }

  at(height: number): LightBlock | undefined {
    return this.#blocks[height - 1];
  }

  id(height: number): string {
    return toHex(blockIdBytes(GENESIS_HASH, this.at(height)!.header));
  }

  /** The chain's clock: some time after its last block. */
  get nowMs(): number {
    return START_MS + this.#blocks.length * BLOCK_MS + 500;
  }
}
