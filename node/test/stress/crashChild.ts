/**
 * A node in a process of its own, to be killed at any moment. Reads base64url transactions, a line each, and says
 * "accepted <id>" when the pool answers and "final <id> <height> <block id>" when the chain does.
 */
import { createInterface } from 'node:readline';
import { fromBase64Url, toHex } from '@billcoin/protocol';
import { makeConfig } from '../../src/config.ts';
import { runNode } from '../support/runNode.ts';

const [genesis = '', dataDir = '', keyDir = ''] = process.argv.slice(2);
const config = makeConfig({ genesis, 'data-dir': dataDir, 'key-dir': keyDir, 'log-level': 'silent', 'verify-threads': '0' }, {});
const node = await runNode(config);
node.port.onFinal((block) => {
  for (const tx of block.txs) process.stdout.write(`final ${tx.txHash} ${block.height} ${toHex(block.blockId)}\n`);
});
process.stdout.write(`ready ${node.port.tip().height}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const bytes = fromBase64Url(line);
  if (bytes === undefined) throw new Error('a line is no transaction');
  void node.port.submit(bytes).then((submitted) => {
    if (submitted.ok) process.stdout.write(`accepted ${submitted.txHash}\n`);
    else process.stdout.write(`refused ${submitted.refusal.code}\n`);
  });
}
