/**
 * A chain in memory that keeps to the rules an oracle meets: blocks with heights and times, signatures checked, an id
 * executes once, one statement an (oracle, batch, attempt), a transaction only until validUntilMs. Not a mock of calls:
 * what it answers follows from what it was given. `cut` breaks the line before or after a submission arrives.
 */
import { attestationId, equalBytes, ed25519PublicKey, parseTx, chainTag, toHex, verifyEd25519, type Attest, type FaultCode, type ParsedTx } from '@billcoin/protocol';
import type { ChainReader, OpenLot, Registry, StatementOnChain, Submission, TxState } from '@billcoin/oracle';
import { GENESIS, seedOf } from './world.ts';

export interface HonestChain extends ChainReader {
  registry: Registry;
  timeMs: number;
  readonly attestations: ReadonlyMap<string, StatementOnChain>;
  /** Bytes of every submission that arrived, in order. */
  readonly arrived: readonly Uint8Array[];
  open(lot: OpenLot): void;
  close(batch: Uint8Array): void;
  /** Makes a block `stepMs` after the last one of what waits and is still valid. */
  makeBlock(stepMs?: number): void;
  /** before: submissions do not arrive; after: they arrive and the answer is lost; all: nothing is answered. */
  cut: 'none' | 'before' | 'after' | 'all';
  /** Refuses submissions with this code while set. */
  refuseWith: FaultCode | undefined;
  /** Puts a statement on chain as if it had been made before. */
  implant(attest: Attest, oracle: Uint8Array): void;
}

class LineCut extends Error {}

export function makeHonestChain(registry: Registry, startMs: number, oracleName = 'oracle'): HonestChain {
  const network = { genesisHash: GENESIS, chainTag: chainTag(GENESIS), verify: verifyEd25519 };
  const blocks: number[] = Array.from({ length: registry.height + 1 }, () => registry.timeMs);
  blocks.push(startMs);
  const lots = new Map<string, OpenLot>();
  const attestations = new Map<string, StatementOnChain>();
  const waiting = new Map<string, ParsedTx>();
  const done = new Map<string, TxState>();
  const arrived: Uint8Array[] = [];
  const oracleKey = ed25519PublicKey(seedOf(oracleName));

  function statementOf(tx: ParsedTx): Attest {
    if (tx.body.kind.case !== 'attest') throw new Error('an oracle sends statements only');
    return tx.body.kind.value;
  }
  function check(tx: ParsedTx): FaultCode | undefined {
    const [signature] = tx.signatures;
    if (tx.signatures.length !== 1 || signature === undefined || !equalBytes(signature.publicKey, oracleKey)) return 'wrong_signers';
    if (!verifyEd25519(signature.publicKey, signature.message, signature.signature)) return 'bad_signature';
    if (chain.timeMs > tx.body.validUntilMs) return 'expired';
    const value = statementOf(tx);
    const before = attestations.get(attestationId(value.batch, value.attempt, tx.body.sender));
    if (before !== undefined) return 'already_attested';
    const lot = lots.get(toHex(value.batch));
    if (lot === undefined || lot.attempt !== value.attempt) return 'attempt_not_open';
    return equalBytes(lot.profileHash, value.profileHash) ? undefined : 'profile_mismatch';
  }
  function accept(bytes: Uint8Array): Submission {
    arrived.push(bytes);
    if (chain.refuseWith !== undefined) return { ok: false, code: chain.refuseWith, passing: chain.refuseWith === 'ceiling_reached' };
    const parsed = parseTx(network, bytes);
    if (!parsed.ok) return { ok: false, code: parsed.fault.code, passing: false };
    const known = done.get(parsed.value.txHash);
    if (known !== undefined) return { ok: true, state: known };
    const code = check(parsed.value);
    if (code !== undefined) return { ok: false, code, passing: false };
    waiting.set(parsed.value.txHash, parsed.value);
    return { ok: true, state: 'pending' };
  }
  async function answer<T>(value: () => T): Promise<T> {
    if (chain.cut === 'all') throw new LineCut('the node does not answer');
    return value();
  }

  const chain: HonestChain = {
    genesisHash: GENESIS, registry, timeMs: startMs, attestations, arrived, cut: 'none', refuseWith: undefined,
    open: (lot) => void lots.set(toHex(lot.batch), lot),
    close: (batch) => void lots.delete(toHex(batch)),
    makeBlock(stepMs = 1_000) {
      chain.timeMs += stepMs;
      blocks.push(chain.timeMs);
      for (const [txHash, tx] of waiting) {
        waiting.delete(txHash);
        if (check(tx) !== undefined) {
          done.set(txHash, 'expired');
          continue;
        }
        const { batch, attempt, volumeMl, reject, readingsRoot, profileHash } = statementOf(tx);
        attestations.set(attestationId(batch, attempt, tx.body.sender), { volumeMl, reject, readingsRoot, profileHash });
        done.set(txHash, 'final');
      }
    },
    implant: ({ batch, attempt, volumeMl, reject, readingsRoot, profileHash }, oracle) =>
      void attestations.set(attestationId(batch, attempt, oracle), { volumeMl, reject, readingsRoot, profileHash }),
    latest: () => answer(() => ({ height: blocks.length - 1, timeMs: chain.timeMs })),
    registryAt: (height) => answer(() => {
      const timeMs = blocks[height];
      return timeMs === undefined ? undefined : { ...chain.registry, height, timeMs };
    }),
    openBatches: () => answer(() => [...lots.values()]),
    attestation: (batch, attempt, oracle) => answer(() => attestations.get(attestationId(batch, attempt, oracle))),
    async submit(bytes) {
      if (chain.cut === 'before' || chain.cut === 'all') throw new LineCut('the submission did not arrive');
      const result = accept(bytes);
      if (chain.cut === 'after') throw new LineCut('the answer is lost');
      return result;
    },
    txStatus: (txHash) => answer(() => (waiting.has(txHash) ? 'pending' : done.get(txHash))),
  };
  return chain;
}
