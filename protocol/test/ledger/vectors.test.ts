/** protocol/vectors/{genesis,block}.json: a network from its file, and blocks of every kind from their bytes. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  applyBlock, canonicalJson, Certificate, commitBlock, decode, encodeChange, fromHex, genesisTip, KINDS, loadGenesis, makeChain, poolsOf, ROWS, StateTree, supplyOf, toHex, verifyCertificate, type Json,
} from '../../src/index.ts';
import { naiveRoot } from '../state/naiveTree.ts';
import { verifyFast } from '../support/world.ts';

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8'));
const bytesOf = (hex: string): Uint8Array => fromHex(hex) ?? t.bailout(hex) as never;
const sha256 = (...parts: readonly (string | Uint8Array)[]): string => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');
const readable = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_key, held: unknown) => (held instanceof Uint8Array ? toHex(held) : typeof held === 'bigint' ? held.toString() : held)));

interface GenesisCase {
  readonly title: string;
  readonly input: { readonly text: string };
  readonly output: { readonly code?: string; readonly genesisHash: string; readonly chainId: string; readonly stateRoot: string; readonly rows: readonly { readonly key: string; readonly value: string }[] };
}

t.test('genesis files', (t) => {
  for (const { title, input, output } of (read('genesis') as { cases: readonly GenesisCase[] }).cases) {
    const loaded = loadGenesis(input.text, verifyFast);
    if (!loaded.ok) {
      t.same(loaded.fault, output, title);
      continue;
    }
    t.equal(output.code, undefined, title);
    t.equal(toHex(loaded.value.genesisHash), output.genesisHash);
    t.equal(sha256('bill/genesis/1\0', canonicalJson(JSON.parse(input.text) as Json)), output.genesisHash, 'as node:crypto says');
    t.equal(loaded.value.chainId, output.chainId);
    t.equal(toHex(naiveRoot(output.rows.map(({ key, value }) => ({ key: bytesOf(key), value: bytesOf(value) })))), output.stateRoot, 'the rows give the root, by plain recursion');
    const tip = genesisTip(makeChain(loaded.value, verifyFast, new StateTree()), loaded.value);
    t.equal(tip.state.size, output.rows.length);
  }
  t.end();
});

interface BlockCase {
  readonly title: string;
  readonly input: { readonly block: string };
  readonly output: {
    readonly blockId: string; readonly header: object; readonly headerBytes: string; readonly commit: string; readonly balancesMl: Readonly<Record<string, string>>; readonly supplyMl: string; readonly feesMl: string;
    readonly txs: readonly { readonly kind: string; readonly txId: string; readonly code: number; readonly result: string; readonly events: readonly unknown[] }[];
  };
}

t.test('blocks', (t) => {
  const { genesis: text, genesisHash, cases } = read('block') as { genesis: string; genesisHash: string; cases: readonly BlockCase[] };
  const genesis = loadGenesis(text, verifyFast);
  if (!genesis.ok) throw new Error('the genesis is refused');
  const chain = makeChain(genesis.value, verifyFast, new StateTree());
  let tip = genesisTip(chain, genesis.value);
  const kinds = new Set<string>();
  for (const { title, input, output } of cases) {
    const applied = applyBlock(chain, tip, bytesOf(input.block));
    if (!applied.ok) throw new Error(`${title} is refused: ${applied.fault.code}`);
    const { value } = applied;
    t.equal(toHex(value.blockId), output.blockId, title);
    t.equal(sha256('bill/header/1\0', bytesOf(genesisHash), bytesOf(output.headerBytes)), output.blockId, 'as node:crypto says');
    t.equal(toHex(value.headerBytes), output.headerBytes);
    t.same(readable(value.header), output.header);
    t.same(value.txs.map((tx, index) => ({ kind: tx.body.kind.case, txId: tx.txHash, code: value.codes[index], result: toHex(value.results[index] ?? new Uint8Array(0)), events: readable(value.events[index]) })),
      output.txs.map(({ kind, txId, code, result, events }) => ({ kind, txId, code, result, events })));
    value.txs.forEach((tx) => kinds.add(tx.body.kind.case));
    const certificate = decode(Certificate, bytesOf(output.commit));
    if (!certificate.ok) throw new Error('the commit is malformed');
    t.ok(verifyCertificate(chain.genesisHash, tip.validators, certificate.value, verifyFast).ok);
    tip = commitBlock(chain, tip, value, certificate.value);
    const rows = tip.state.all().map(encodeChange).map(({ key, value }) => ({ key, value: value ?? new Uint8Array(0) }));
    t.equal(toHex(naiveRoot(rows)), toHex(value.header.stateRoot), 'the state after the block gives its root, by plain recursion');
    t.equal(supplyOf(tip.state).supplyMl.toString(), output.supplyMl);
    t.equal(poolsOf(tip.state).feesMl.toString(), output.feesMl);
    const held = [...Object.values(output.balancesMl)].sort();
    t.same([...tip.state.rows(ROWS.account)].map((row) => row.value.balanceMl.toString()).filter((ml) => ml !== '0').sort(), held, 'these balances and no others');
  }
  t.same([...kinds].sort(), Object.keys(KINDS).sort(), 'every kind stands in a block');
  t.end();
});
