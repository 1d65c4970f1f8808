/**
 * A row of state, or its absence, proven by one final block (SPEC §8.3): header, certificate, the path in the state tree
 * and the row's value.
 */
import { equalBytes } from '../lib/bytes.ts';
import { sha256 } from '../lib/hash.ts';
import { decode, encode } from '../wire/codec.ts';
import { RowProof, type Certificate, type StateProof } from '../wire/consensus.ts';
import { nameHeader, verifyFinal, type NamedHeader, type ReceiptTrust } from './finalHeader.ts';
import { malformedProof, refuseProof, type Verdict } from './refusal.ts';
import { verifyStateProof } from './stateProof.ts';

/** What a row proof is made from: a final header and the row under its state root. */
export interface RowProofSource {
  readonly headerBytes: Uint8Array;
  readonly certificate: Certificate;
  readonly proof: StateProof;
  /** Undefined: there is no such row. */
  readonly value: Uint8Array | undefined;
}

/** RowProof bytes. A row that encodes to nothing has no value on the wire; the path still says that it exists. */
export function makeRowProof({ headerBytes, certificate, proof, value }: RowProofSource): Uint8Array {
  return encode(RowProof, { header: headerBytes, certificate, proof, value: value?.length === 0 ? undefined : value });
}

export interface VerifiedRow extends NamedHeader {
  /** Bytes of the row; undefined: it is proven that there is no such row. */
  readonly value: Uint8Array | undefined;
}

/** A row proof whose path leads to the state root of its own header; whether that header is final is not said yet. */
export interface OpenedRowProof extends VerifiedRow {
  readonly rowProof: RowProof;
}

/** Everything about a row proof but its certificate: form, that it is of this key, and the path. */
export function openRowProof(genesisHash: Uint8Array, bytes: Uint8Array, rowKey: Uint8Array): Verdict<OpenedRowProof> {
  const decoded = decode(RowProof, bytes);
  if (!decoded.ok) return malformedProof(decoded.fault);
  const rowProof = decoded.value;
  const { proof } = rowProof;
  const named = nameHeader(genesisHash, rowProof.header);
  if (!named.ok) return named;
  if (!equalBytes(proof.keyHash, sha256(rowKey))) return refuseProof('other_row', 'the path is of another key');
  const exists = proof.leafKeyHash !== undefined && equalBytes(proof.leafKeyHash, proof.keyHash);
  if (!exists && rowProof.value !== undefined) return refuseProof('not_in_state', 'a value stands beside a path of absence');
  const value = exists ? rowProof.value ?? new Uint8Array(0) : undefined;
  if (!verifyStateProof(named.value.header.stateRoot, proof, rowKey, value === undefined ? 'absent' : { value })) return refuseProof('not_in_state', exists ? 'the row has not this value' : 'the row is not proven absent');
  return { ok: true, value: { ...named.value, value, rowProof } };
}

/** Verifies a row proof against the set that votes at its height. */
export function verifyRowProof(trust: ReceiptTrust, bytes: Uint8Array, rowKey: Uint8Array): Verdict<VerifiedRow> {
  const opened = openRowProof(trust.genesisHash, bytes, rowKey);
  if (!opened.ok) return opened;
  const { rowProof, ...verified } = opened.value;
  return verifyFinal(trust, verified, rowProof.certificate);
}
