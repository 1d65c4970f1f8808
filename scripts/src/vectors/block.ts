/** Vectors of blocks: three blocks with every kind of transaction, what each does, and the balances after each. */
import { balanceOf, encode, Certificate, poolsOf, supplyOf, toHex } from '@billcoin/protocol';
import { SAMPLE_KEYS, SAMPLE_SEED, sampleHistory, type SampleBlock } from './sampleChain.ts';

function readable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, held: unknown) => (held instanceof Uint8Array ? toHex(held) : typeof held === 'bigint' ? held.toString() : held)));
}

/** Balances of the people in mL, supply and fees: read right after the block, since the state moves on. */
function sumsAfter({ tip }: SampleBlock): object {
  const people = Object.values(SAMPLE_KEYS).map((key) => [key.label, balanceOf(tip.state, key.address)] as const).filter(([, balanceMl]) => balanceMl > 0n);
  return { balancesMl: Object.fromEntries(people.map(([label, balanceMl]) => [label, balanceMl.toString()])), supplyMl: supplyOf(tip.state).supplyMl.toString(), feesMl: poolsOf(tip.state).feesMl.toString() };
}

/** The JSON text of protocol/vectors/block.json; the same text on every run. */
export function makeBlockVectors(): string {
  const sums: object[] = [];
  const { genesis, blocks, titles } = sampleHistory((block) => void sums.push(sumsAfter(block)));
  return `${JSON.stringify({
    title: 'Blocks',
    summary: 'A genesis file and the three blocks after it. Each block is whole bytes; the outputs are what a node must derive from them: block id, header, results with their events, and sums after the block. '
      + 'The commit of a block stands in the next one. Bytes are hex, amounts decimal strings of mL.',
    seed: SAMPLE_SEED,
    genesis: genesis.text,
    genesisHash: toHex(genesis.genesisHash),
    cases: blocks.map(({ executed, certificate }, index) => ({
      title: `block ${executed.header.height}`,
      input: { block: toHex(executed.blockBytes) },
      output: {
        blockId: toHex(executed.blockId), header: readable(executed.header), headerBytes: toHex(executed.headerBytes), commit: toHex(encode(Certificate, certificate)),
        txs: executed.txs.map((tx, at) => ({ title: titles[index]?.[at], kind: tx.body.kind.case, txId: tx.txHash, code: executed.codes[at], result: toHex(executed.results[at] ?? new Uint8Array(0)), events: readable(executed.events[at]) })),
        ...sums[index],
      },
    })),
  }, undefined, 2)}\n`;
}
