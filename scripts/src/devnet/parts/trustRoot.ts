/** Where the tills' trust begins: genesis, or, where a devnet is continued after two weeks, the newest block of its own node. */
import { blockIdBytes, decode, fromBase64Url, Header, TRUSTING_PERIOD_MS, trustGenesis, type Genesis, type TrustedHeader } from '@billcoin/protocol';
import { getBlock, type Client } from '@billcoin/sdk';
import { pause, persist } from './settle.ts';

const ASK_EVERY_MS = 1_000;

/**
 * Genesis vouches for 14 days. After that an institution pins a signed checkpoint (SPEC §16.2); a devnet, which holds every
 * key itself, pins what its node made since it was started again.
 */
export async function trustRoot(client: Client, genesis: Genesis): Promise<TrustedHeader> {
  if (Date.now() < genesis.spec.timeMs + TRUSTING_PERIOD_MS) return trustGenesis(genesis);
  for (;;) {
    const bytes = fromBase64Url((await persist(() => getBlock(client))).header);
    const header = bytes === undefined ? undefined : decode(Header, bytes);
    if (bytes === undefined || header?.ok !== true) throw new Error('the newest block has no header');
    const { height, timeMs } = header.value;
    if (Date.now() < timeMs + TRUSTING_PERIOD_MS) return { height, timeMs, blockId: blockIdBytes(genesis.genesisHash, bytes), nextValidators: genesis.validators, header: header.value };
    await pause(ASK_EVERY_MS); // the first block after the pause is on its way
  }
}
