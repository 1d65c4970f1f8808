/** A chain with money in it: the only validator, running, whose farm and plant share 1,000 minted litres. */
import type { Test } from 'tap';
import { sha256 } from '@billcoin/protocol';
import type { Config } from '../../src/config.ts';
import { NODE_KEY_FILE, createKeyFile } from '../../src/crypto/keyFiles.ts';
import { runNode, submitFinal, type TestNode } from './runNode.ts';
import { TxMaker, makeTestFolders, type TestFolders } from './testNetwork.ts';

export interface MintedNode {
  readonly folders: TestFolders;
  readonly node: TestNode;
  readonly maker: TxMaker;
  /** The two transactions of blocks 1 and 2. */
  readonly mint: ReturnType<TxMaker['mint']>;
}

/** Blocks come as fast as they can. The node stops and its folders go with the test. `over`: how it is configured otherwise. */
export async function runMinted(test: Test, over: Partial<Config> = {}): Promise<MintedNode> {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0 } });
  test.teardown(folders.remove);
  if (over.listen !== undefined) await createKeyFile(folders.config.keyDir, NODE_KEY_FILE, sha256(new Uint8Array([1])));
  const node = await runNode({ ...folders.config, ...over });
  test.teardown(node.stop);
  const maker = new TxMaker(folders.genesis);
  const mint = maker.mint(1_000_000n);
  for (const bytes of mint) await submitFinal(node.port, bytes);
  return { folders, node, maker, mint };
}
