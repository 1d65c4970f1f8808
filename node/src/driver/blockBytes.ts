/** Which block some bytes are: the id of the header, if the body is the one this header binds (consensus page §1.1). */
import { blockIdOf, commitHash, decodeBody, equalBytes, fault, merkleRoot, ok, openBlock, type DecodedBlock, type Result } from '@billcoin/protocol';

const ZERO_HASH = new Uint8Array(32);

export interface IdentifiedBlock {
  readonly id: string;
  readonly height: number;
  /** Undefined for a block that is here already. */
  readonly decoded: DecodedBlock | undefined;
}

/**
 * Id and height of a block whose body fits its header. Without this check a peer could send the header of a good block
 * with another body, and the verdict "invalid" would stick to the id of the good one. The body of a block that is here
 * already is not looked at.
 */
export function identifyBlock(genesisHash: Uint8Array, blockBytes: Uint8Array, isHere: (id: string) => boolean): Result<IdentifiedBlock> {
  const opened = openBlock(blockBytes);
  if (!opened.ok) return opened;
  const { headerBytes, header: { txRoot, txCount, evidenceRoot, prevCommitHash, height } } = opened.value;
  const id = blockIdOf(genesisHash, headerBytes);
  if (isHere(id)) return ok({ id, height, decoded: undefined });
  const decoded = decodeBody(opened.value);
  if (!decoded.ok) return decoded;
  const { txs, evidence, prevCommit } = decoded.value.body;
  const fits = txs.length === txCount && equalBytes(merkleRoot(txs), txRoot) && equalBytes(merkleRoot(evidence), evidenceRoot)
    && equalBytes(prevCommit === undefined ? ZERO_HASH : commitHash(prevCommit), prevCommitHash);
  return fits ? ok({ id, height, decoded: decoded.value }) : fault('malformed', { path: 'Block.body', why: 'is not that of the header' });
}
