/** A wallet's program over https: what it may ask, and a login by its key. Arguments: URL. Trust comes with NODE_EXTRA_CA_CERTS. */
import { fromHex } from '@billcoin/protocol';
import { createClient, getMe, getStatus, keyFromSeed, withLogin } from '@billcoin/sdk';

const client = createClient({ baseUrl: process.argv[2] ?? '' });
const { network, genesisHash: text } = await getStatus(client);
const genesisHash = fromHex(text);
if (genesisHash === undefined) throw new Error(text);
const { role } = await getMe(withLogin(client, { key: keyFromSeed(new Uint8Array(32).fill(7)), genesisHash }));
process.stdout.write(JSON.stringify({ network, role }));
