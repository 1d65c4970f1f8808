/** Final headers as light clients follow them: over HTTP (api/routes/light.ts) and between nodes (snapshotServer.ts). */
import { equalBytes, type LightBlock } from '@billcoin/protocol';
import { headerOf } from './finalBlock.ts';
import type { ChainPort } from './ports.ts';

/** Undefined where the block is not kept, or where a set of that height is not known here any more. */
export async function lightBlockAt(chain: ChainPort, height: number): Promise<LightBlock | undefined> {
  const block = await chain.readHeader(height);
  if (block === undefined) return undefined;
  const { headerBytes, certificate } = block;
  const { validatorsHash, nextValidatorsHash } = headerOf(block);
  const isSame = equalBytes(validatorsHash, nextValidatorsHash);
  const [validators, nextValidators] = [chain.validatorSet(validatorsHash), isSame ? undefined : chain.validatorSet(nextValidatorsHash)];
  if (validators === undefined || (nextValidators === undefined && !isSame)) return undefined;
  return { header: headerBytes, certificate, validators, nextValidators };
}
