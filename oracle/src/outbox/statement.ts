/** A statement and the transaction round it. The statement never changes; the transaction is re-signed after it expired. */
import { Attest, decode, encode, equalBytes, fromHex, taggedHash, toHex } from '@billcoin/protocol';
import type { StatementOnChain } from '../registry/chainReader.ts';
import { addSignature, buildAttest, encodeTransaction, type Signer } from '@billcoin/sdk';
import type { OutboxRow, SignRow } from '../store/rows.ts';

/** A transaction round lives ten minutes; the chain allows an hour. A shorter life makes a lost one be re-signed sooner. */
export const ROUND_LIFE_MS = 600_000;

export function signRowOf(attest: Attest, from: SignRow['from']): SignRow {
  const bytes = encode(Attest, attest);
  return { statement: toHex(bytes), hash: toHex(taggedHash('bill/attest/1', bytes)), from };
}

/** The statement of a register row. A row that does not decode is a damaged disk: the process must stop. */
export function attestOfRow(row: SignRow): Attest {
  const decoded = decode(Attest, fromHex(row.statement) ?? new Uint8Array(0));
  if (!decoded.ok) throw new Error('The sign-once register holds a row that does not decode. Restore the data folder or start with an empty one.');
  return decoded.value;
}

/** Signs the transaction of a statement: `round` 1 at first, one more after each expiry. */
export function signRound(genesisHash: Uint8Array, oracle: Signer, attest: Attest, nowMs: number, round: number): OutboxRow {
  const validUntilMs = nowMs + ROUND_LIFE_MS;
  const draft = addSignature(buildAttest({ genesisHash, oracle: oracle.address, validUntilMs, ...attest }), oracle);
  return { batch: toHex(attest.batch), attempt: attest.attempt, tx: toHex(encodeTransaction(draft)), txHash: draft.txHash, validUntilMs, state: 'pending', round };
}

export function sameAsOnChain(attest: Attest, row: StatementOnChain): boolean {
  return attest.volumeMl === row.volumeMl && attest.reject === row.reject && equalBytes(attest.readingsRoot, row.readingsRoot) && equalBytes(attest.profileHash, row.profileHash);
}
