/**
 * What a payment costs in the ledger, signatures apart, and how it grows with the block (consensus page §3: a block of 2,000
 * payments applied in 30 ms and its state root in 25 ms). `npm run bench -- ledger`.
 */
import { applyBlock, buildBlock, checkTx, commitBlock, encodeChange, genesisTip, loadGenesis, makeChain, parseTx, StateTree, useSha256, verifyEd25519, type Certificate, type Chain, type ParsedTx, type Tip } from '@billcoin/protocol';
import { hashPairsNative, sha256Native } from '@billcoin/node';
import { makeBenchNetwork, type BenchNetwork } from './benchNetwork.ts';
import { spreadOf, type Spread } from './spread.ts';

/** Payments of a block; the last is the most a block may hold. */
const SIZES = [250, 500, 1_000, 2_000];
const RUNS = 25;
const TIME_MS = 1_790_000_000_000;
const PAYERS = 500;
const FUND_STEP = 1_000;

export interface LedgerBench {
  readonly payments: number;
  /** Each payment, µs. */
  readonly decodeUs: Spread;
  readonly checkUs: Spread;
  /** The whole block, ms: gate, rules, results, block and header without the state root. */
  readonly applyMs: Spread;
  /** Encoding the changed rows and hashing them into the state tree. */
  readonly rootMs: Spread;
  /** A verdict on the received block, all of it: strict decode, apply, root, comparison. */
  readonly verdictMs: Spread;
  readonly rows: number;
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
    for (let from = 0; from < group.length; from += FUND_STEP) {
      const txs = group.slice(from, from + FUND_STEP).map((bytes) => parsed(chain, bytes));
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

/** One block size, the same payments in every run. */
function benchSize(chain: Chain, tip: Tip, pays: readonly Uint8Array[], runCount: number): LedgerBench {
  const env = { height: tip.height + 1, timeMs: tip.timeMs + 1_000, prevTimeMs: tip.timeMs };
  const runs = { decode: [] as number[], check: [] as number[], apply: [] as number[], root: [] as number[], verdict: [] as number[] };
  let rows = 0;
  for (let run = 0; run < runCount; run++) {
    const txs: ParsedTx[] = [];
    runs.decode.push(timeUs(pays.length, () => { for (const bytes of pays) txs.push(parsed(chain, bytes)); }));
    runs.check.push(timeUs(pays.length, () => { for (const tx of txs) if (!checkTx(chain, tip.state, tx, env).ok) throw new Error('a bench Pay is refused'); }));
    const startMs = performance.now();
    const built = buildBlock(chain, tip, txs, env.timeMs, { proposerIndex: 0, round: 0 });
    const builtMs = performance.now() - startMs;
    if (built.txs.length !== pays.length) throw new Error(`the block holds ${built.txs.length} of ${pays.length} payments`);
    rows = built.changes.length;
    const rootMs = timeUs(1_000, () => chain.tree.release(chain.tree.update(tip.treeVersion, built.changes.map(encodeChange))));
    runs.root.push(rootMs);
    runs.apply.push(builtMs - rootMs);
    runs.verdict.push(timeUs(1_000, () => {
      const verdict = applyBlock(chain, tip, built.blockBytes);
      if (!verdict.ok) throw new Error(`the bench block is refused: ${verdict.fault.code}`);
      chain.tree.release(verdict.value.treeVersion);
    }));
    chain.tree.release(built.treeVersion);
  }
  return {
    payments: pays.length, rows, decodeUs: spreadOf(runs.decode), checkUs: spreadOf(runs.check), applyMs: spreadOf(runs.apply), rootMs: spreadOf(runs.root), verdictMs: spreadOf(runs.verdict),
  };
}

/** Runs the measurement; about 30 s, most of it signing. */
export function benchLedger(sizes: readonly number[] = SIZES, runs: number = RUNS): readonly LedgerBench[] {
  useSha256(sha256Native);
  const network = makeBenchNetwork({ payers: Math.min(PAYERS, Math.max(...sizes)), tills: 20, timeMs: TIME_MS });
  const genesis = loadGenesis(network.genesisText, verifyEd25519);
  if (!genesis.ok) throw new Error(genesis.fault.code);
  const chain = makeChain(genesis.value, trusting, new StateTree(hashPairsNative));
  const tip = fund(chain, genesisTip(chain, genesis.value), network);
  const pays = Array.from({ length: Math.max(...sizes) }, (_, n) => network.pay(n, TIME_MS));
  return sizes.map((size) => benchSize(chain, tip, pays.slice(0, size), runs));
}

export function formatLedgerBench(benches: readonly LedgerBench[]): string {
  const shown = ({ median, low, high }: Spread, digits: number): string => `${median.toFixed(digits)} [${low.toFixed(digits)} – ${high.toFixed(digits)}]`;
  return benches.map(({ payments, rows, decodeUs, checkUs, applyMs, rootMs, verdictMs }) => [
    `${payments} payments, ${rows} rows: decode ${shown(decodeUs, 1)} µs and check ${shown(checkUs, 1)} µs each`,
    `  apply ${shown(applyMs, 1)} ms, state root ${shown(rootMs, 1)} ms; verdict on the received block ${shown(verdictMs, 1)} ms, ${Math.round((payments * 1_000) / verdictMs.median)} payments/s replayed`,
  ].join('\n')).join('\n');
}
