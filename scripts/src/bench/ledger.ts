/**
 * Strict decode, check and apply of a Pay in µs each, without signatures, and the root of the block that holds them
 * (issue "speed" of step 1). `npm run bench -- ledger`.
 */
import { applyBlock, buildBlock, checkTx, commitBlock, genesisTip, loadGenesis, makeChain, parseTx, StateTree, useSha256, verifyEd25519, type Certificate, type Chain, type ParsedTx, type Tip } from '@billcoin/protocol';
import { hashPairsNative, sha256Native } from '@billcoin/node';
import { makeBenchNetwork, type BenchNetwork } from './benchNetwork.ts';
import { spreadOf, type Spread } from './spread.ts';

const PAYS = 1_000;
const RUNS = 15;
const TIME_MS = 1_790_000_000_000;

export interface LedgerBench {
  readonly decodeUs: Spread;
  readonly checkUs: Spread;
  /** Build of a block of 1,000 payments: gate, rules, receipts, header, state root. */
  readonly buildUs: Spread;
  /** A peer's verdict on it: the same and strict decode. */
  readonly applyUs: Spread;
}

/** Signatures are measured apart (bench signature). */
const trusting = (): boolean => true;

function parsed(chain: Chain, bytes: Uint8Array): ParsedTx {
  const tx = parseTx(chain, bytes);
  if (!tx.ok) throw new Error(`the bench transaction is refused: ${tx.fault.code}`);
  return tx.value;
}

/** A certificate that only the links of the next block look at; nothing verifies it here. */
function unsignedCertificate(height: number, blockId: Uint8Array): Certificate {
  return { type: 2, height, round: 0, blockId, bitmap: Uint8Array.of(0x80), signatures: [new Uint8Array(64)] };
}

function fund(chain: Chain, start: Tip, network: BenchNetwork): Tip {
  let tip = start;
  for (const group of network.funding(TIME_MS)) {
    for (let from = 0; from < group.length; from += PAYS) {
      const txs = group.slice(from, from + PAYS).map((bytes) => parsed(chain, bytes));
      const built = buildBlock(chain, tip, txs, tip.timeMs + 1_000, { proposerIndex: 0, round: 0 });
      if (built.txs.length !== txs.length) throw new Error('the funding does not fit its blocks');
      tip = commitBlock(chain, tip, built, unsignedCertificate(built.header.height, built.blockId));
    }
  }
  return tip;
}

function timeUs(count: number, work: () => void): number {
  const startMs = performance.now();
  work();
  return ((performance.now() - startMs) * 1_000) / count;
}

/** Runs the measurement; about 20 s, most of it signing. */
export function benchLedger(): LedgerBench {
  useSha256(sha256Native);
  const network = makeBenchNetwork({ payers: 200, tills: 20, timeMs: TIME_MS });
  const genesis = loadGenesis(network.genesisText, verifyEd25519);
  if (!genesis.ok) throw new Error(genesis.fault.code);
  const chain = makeChain(genesis.value, trusting, new StateTree(hashPairsNative));
  const tip = fund(chain, genesisTip(chain, genesis.value), network);
  const pays = Array.from({ length: PAYS }, (_, n) => network.pay(n, TIME_MS));
  const env = { height: tip.height + 1, timeMs: tip.timeMs + 1_000, prevTimeMs: tip.timeMs };
  const runs = { decode: [] as number[], check: [] as number[], build: [] as number[], apply: [] as number[] };
  for (let run = 0; run < RUNS; run++) {
    const txs: ParsedTx[] = [];
    runs.decode.push(timeUs(PAYS, () => { for (const bytes of pays) txs.push(parsed(chain, bytes)); }));
    runs.check.push(timeUs(PAYS, () => { for (const tx of txs) if (!checkTx(chain, tip.state, tx, env).ok) throw new Error('a bench Pay is refused'); }));
    let built = buildBlock(chain, tip, [], env.timeMs, { proposerIndex: 0, round: 0 });
    chain.tree.release(built.treeVersion);
    runs.build.push(timeUs(PAYS, () => { built = buildBlock(chain, tip, txs, env.timeMs, { proposerIndex: 0, round: 0 }); }));
    runs.apply.push(timeUs(PAYS, () => {
      const verdict = applyBlock(chain, tip, built.blockBytes);
      if (!verdict.ok) throw new Error(`the bench block is refused: ${verdict.fault.code}`);
      chain.tree.release(verdict.value.treeVersion);
    }));
    chain.tree.release(built.treeVersion);
  }
  return { decodeUs: spreadOf(runs.decode), checkUs: spreadOf(runs.check), buildUs: spreadOf(runs.build), applyUs: spreadOf(runs.apply) };
}

export function formatLedgerBench(bench: LedgerBench): string {
  const row = (name: string, { median, low, high }: Spread): string => `${name.padEnd(44)} ${median.toFixed(1).padStart(8)} [${low.toFixed(1)} – ${high.toFixed(1)}] µs`;
  return [
    row('strict decode of a Pay', bench.decodeUs), row('check (gate and rule, throw-away draft)', bench.checkUs),
    row(`build a block of ${PAYS}, root included, each`, bench.buildUs), row(`verdict on a block of ${PAYS}, decode included, each`, bench.applyUs),
  ].join('\n');
}
