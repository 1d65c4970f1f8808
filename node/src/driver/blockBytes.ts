/** Which block some bytes are: the id of the header, if the body is the one this header binds (consensus page §1.1). */
import { Block, Body, Header, blockIdOf, commitHash, decode, equalBytes, fault, merkleRoot, ok, type Result } from '@billcoin/protocol';

const ZERO_HASH = new Uint8Array(32);

export interface IdentifiedBlock {
  readonly id: string;
  readonly height: number;
}

/**
 * Id and height of a block whose body fits its header. Without this check a peer could send the header of a good block
 * with another body, and the verdict "invalid" would stick to the id of the good one. The body of a block that is here
 * already is not looked at.
 */
export function identifyBlock(genesisHash: Uint8Array, blockBytes: Uint8Array, isHere: (id: string) => boolean): Result<IdentifiedBlock> {
  const block = decode(Block, blockBytes);
  if (!block.ok) return block;
  const header = decode(Header, block.value.header);
  if (!header.ok) return header;
  const { txRoot, txCount, evidenceRoot, prevCommitHash, height } = header.value;
  const id = blockIdOf(genesisHash, block.value.header);
  if (isHere(id)) return ok({ id, height });
  const body = decode(Body, block.value.body);
  if (!body.ok) return body;
  const { txs, evidence, prevCommit } = body.value;
  const fits = txs.length === txCount && equalBytes(merkleRoot(txs), txRoot) && equalBytes(merkleRoot(evidence), evidenceRoot)
    && equalBytes(prevCommit === undefined ? ZERO_HASH : commitHash(prevCommit), prevCommitHash);
  return fits ? ok({ id, height }) : fault('malformed', { path: 'Block.body', why: 'is not that of the header' });
}
