/** Starts real nodes for tests and waits for what they do. */
import { systemClock, systemTimers } from '../../src/clock.ts';
import type { Config } from '../../src/config.ts';
import { makeLog } from '../../src/log.ts';
import { startNode, type RunningNode } from '../../src/node.ts';
import type { ChainPort, FinalBlock, Submitted, TxStatus } from '../../src/ports.ts';

const WAIT_MS = 10_000;

export interface TestNode extends RunningNode {
  /** What made the node halt, if anything did. */
  readonly halts: readonly Error[];
}

export async function runNode(config: Config): Promise<TestNode> {
  const halts: Error[] = [];
  const log = makeLog({ level: config.logLevel, nodeName: 'test' });
  const node = await startNode(config, { clock: systemClock, timers: systemTimers, log, processMetrics: false, onHalt: (error) => void halts.push(error) });
  return { ...node, halts };
}

/** The first final block that satisfies `wanted`, from now on; rejects after ten seconds. */
export function nextBlock(port: ChainPort, wanted: (block: FinalBlock) => boolean = () => true): Promise<FinalBlock> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error('no such block in time'));
    }, WAIT_MS);
    const stop = port.onFinal((block) => {
      if (!wanted(block)) return;
      clearTimeout(timer);
      stop();
      resolve(block);
    });
  });
}

/** Submits and waits until the transaction is final. */
export async function submitFinal(port: ChainPort, bytes: Uint8Array): Promise<Extract<TxStatus, { status: 'final' }>> {
  const seen: FinalBlock[] = [];
  const stop = port.onFinal((block) => void seen.push(block));
  try {
    const submitted = await port.submit(bytes);
    if (!submitted.ok) throw new Error(`refused: ${describe(submitted)}`);
    const { txHash } = submitted;
    const status = await port.txStatus(txHash);
    if (status?.status === 'final') return status;
    await nextBlock(port, (block) => block.txs.some((tx) => tx.txHash === txHash));
    const end = await port.txStatus(txHash);
    if (end?.status !== 'final') throw new Error('not final after its block');
    return end;
  } finally {
    stop();
  }
}

export function describe(submitted: Submitted): string {
  return submitted.ok ? `${submitted.txHash} ${submitted.status.status}` : submitted.refusal.code;
}
