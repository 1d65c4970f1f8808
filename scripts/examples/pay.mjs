// Pays the order that waits at a till of the running devnet: node scripts/examples/pay.mjs [data folder] [API]
import { readFileSync } from 'node:fs';
import { createClient, getStatus, keyFromSeed, lookupFrom, payInvoice, readInvoice, waitForTransaction } from '@billcoin/sdk';
const [data = 'data', baseUrl = 'http://127.0.0.1:8080'] = process.argv.slice(2);
const client = createClient({ baseUrl });
const genesisHash = Buffer.from((await getStatus(client)).genesisHash, 'hex'); // a wallet pins it
const key = keyFromSeed(Buffer.from(JSON.parse(readFileSync(`${data}/keys/student-example.json`, 'utf8')).seed, 'hex'));
const invoice = await readInvoice(readFileSync(`${data}/run/order.txt`, 'utf8').trim(), { genesisHash, lookup: lookupFrom(client) });
if (!invoice.ok) throw new Error(`do not pay this: ${invoice.fault.code}`);
const { txHash } = await payInvoice(client, { genesisHash, invoice: invoice.value, key });
console.log(`${invoice.value.merchantName}, RM ${Number(invoice.value.sen) / 100}:`, await waitForTransaction(client, { txHash }));
