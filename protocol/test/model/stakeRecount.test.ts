/** The auditor's program, which knows SPEC.md and none of our code, recounts random histories of stake to the same rows and sets (SPEC §14). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import fc from 'fast-check';
import { canonicalJson, decode, encode, encodeChange, Block, Body, Events, toHex, ValidatorSet, type Json } from '../../src/index.ts';
import type { World } from '../support/world.ts';
import { anyRound, StakeHistory } from './stakeHistory.ts';

const RECOUNT = fileURLToPath(new URL('../../../scripts/audit/recount.py', import.meta.url));
const skip = spawnSync('python3', ['--version']).error === undefined ? false : 'python3 is not on this machine';
const HISTORIES = 4;
const ROUNDS = 120;

/** The lines of SPEC §14 that the program reads. */
function exportOf({ genesis, made, tip, chain }: World): readonly object[] {
  const lines: object[] = [{ line: 'genesis', format: 1, chainId: genesis.chainId, genesisHash: toHex(genesis.genesisHash), text: canonicalJson(JSON.parse(genesis.text) as Json), validators: toHex(encode(ValidatorSet, genesis.validators)) }];
  let transactions = 0;
  for (const { bytes, certificate, executed: { header, headerBytes, blockId, evidence, txs, results, codes, events } } of made) {
    const block = decode(Block, bytes);
    const body = block.ok ? decode(Body, block.value.body) : block;
    if (!body.ok) throw new Error('a block decodes');
    const { prevCommit } = body.value;
    lines.push({ line: 'block', height: header.height, blockId: toHex(blockId), header: toHex(headerBytes), certificate: toHex(certificate), ...(prevCommit === undefined ? {} : { prevCommit: toHex(prevCommit) }), evidence: evidence.map(toHex) });
    for (const [index, tx] of txs.entries()) {
      lines.push({ line: 'tx', height: header.height, index, txId: tx.txHash, tx: toHex(tx.bytes), result: toHex(results[index]!), events: toHex(encode(Events, { events: events[index]!.map((event) => ({ event })) })), code: codes[index] });
      transactions += 1;
    }
  }
  const rows = tip.state.all().map(encodeChange).map(({ key, value }) => ({ line: 'row', key: toHex(key), value: toHex(value ?? new Uint8Array(0)) })).sort((a, b) => (a.key < b.key ? -1 : 1));
  return [...lines, { line: 'state', height: tip.height, stateRoot: toHex(chain.tree.root(tip.treeVersion)) }, ...rows, { line: 'end', blocks: made.length, transactions, rows: rows.length }];
}

function recount(folder: string, lines: readonly object[]): { readonly status: number | null; readonly stderr: string } {
  const file = join(folder, 'chain.jsonl');
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return spawnSync('python3', [RECOUNT, file, '--without-signatures'], { encoding: 'utf8' });
}

t.test('random histories of stake come out', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'stake-recount-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const seen = new Map<string, number>();
  for (const rounds of fc.sample(fc.array(anyRound, { minLength: ROUNDS, maxLength: ROUNDS }), { numRuns: HISTORIES, seed: 5 })) {
    const history = new StakeHistory(seen);
    history.play(rounds);
    const lines = exportOf(history.world);
    const { status, stderr } = recount(folder, lines);
    t.equal(status, 0, stderr);
    const lie = lines.map((line) => ('evidence' in line ? { ...line, evidence: [] } : line));
    if (history.world.made.some(({ executed }) => executed.evidence.length > 0)) t.equal(recount(folder, lie).status, 1, 'evidence that is left out is missed');
  }
  for (const what of ['slash', 'set change', 'unbonding']) t.ok((seen.get(what) ?? 0) > 0, what);
  t.end();
});
