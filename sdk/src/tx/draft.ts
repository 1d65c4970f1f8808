/**
 * A transaction on its way to being signed: body bytes, id and the signatures so far. Signatures are no part of the id,
 * so it is known before anyone signs, and several parties can sign the same bytes one after the other.
 */
import {
  chainHash, chainTag, compareBytes, decode, encode, equalBytes, fault, ok, signingBytes, toBase64Url, toHex, Tx, TxBody, type Result, type Sig,
} from '@billcoin/protocol';
import { randomBytes, type Signer } from '../key.ts';

/** Ten minutes to be included unless the caller says otherwise; the chain allows an hour (SPEC §4). */
export const TX_LIFE_MS = 600_000;
const TX_SALT_BYTES = 8;

export interface TxDraft {
  readonly genesisHash: Uint8Array;
  /** Bytes of TxBody: what is signed, never re-encoded. */
  readonly body: Uint8Array;
  /** Transaction id, lower-case hex. */
  readonly txHash: string;
  /** Strictly ascending by public key. */
  readonly sigs: readonly Sig[];
}

/** What every kind but Pay takes beside its own fields. */
export interface Envelope {
  /** The network's genesis hash, pinned in the program, 32 bytes. */
  readonly genesisHash: Uint8Array;
  /** Fee in mL of kinds with a flat fee; the network's minimum is 1. */
  readonly feeMl?: bigint;
  /** Last block time that may include it, in ms; at most an hour ahead. Default: ten minutes from now. */
  readonly validUntilMs?: number;
  /** 8 random bytes; only tests choose them. */
  readonly salt?: Uint8Array;
  /** Policies of k-of-n accounts that the chain has not seen yet. */
  readonly policies?: readonly Uint8Array[];
}

/** A draft of a body without signatures. Values outside the schema's bounds are a bug of the caller and throw. */
export function draftOf(genesisHash: Uint8Array, body: TxBody): TxDraft {
  const bytes = encode(TxBody, body);
  return { genesisHash, body: bytes, txHash: toHex(chainHash('bill/tx-id/1', genesisHash, bytes)), sigs: [] };
}

/** A draft of any kind with a salt: everything but Pay. */
export function saltedDraft(envelope: Envelope, sender: Uint8Array, feeMl: bigint, kind: TxBody['kind']): TxDraft {
  return draftOf(envelope.genesisHash, {
    chainTag: chainTag(envelope.genesisHash),
    sender,
    salt: envelope.salt ?? randomBytes(TX_SALT_BYTES),
    validUntilMs: envelope.validUntilMs ?? Date.now() + TX_LIFE_MS,
    feeMl,
    policies: envelope.policies ?? [],
    kind,
  });
}

/** The bytes that every signer of a draft signs. */
export function txSigningBytes(draft: TxDraft): Uint8Array {
  return signingBytes('bill/tx/1', draft.genesisHash, draft.body);
}

/** The draft with one more signature in its place; signing again with the same key changes nothing. */
export function addSignature(draft: TxDraft, signer: Signer): TxDraft {
  return attachSignature(draft, { publicKey: signer.publicKey, signature: signer.sign(txSigningBytes(draft)) });
}

/** The same for a signature that was made elsewhere, over `txSigningBytes`. */
export function attachSignature(draft: TxDraft, sig: Sig): TxDraft {
  const others = draft.sigs.filter((known) => !equalBytes(known.publicKey, sig.publicKey));
  return { ...draft, sigs: [...others, sig].sort((a, b) => compareBytes(a.publicKey, b.publicKey)) };
}

/** Bytes of the transaction as they go to the chain. It must carry at least one signature. */
export function encodeTransaction(draft: TxDraft): Uint8Array {
  return encode(Tx, { body: draft.body, sigs: [...draft.sigs] });
}

/** The same in base64url, the form of `POST /transactions`. */
export function transactionText(draft: TxDraft): string {
  return toBase64Url(encodeTransaction(draft));
}

/**
 * Opens a transaction that somebody else began, to look at it and to sign it as well.
 * Faults: `malformed`, `wrong_network`. Signatures are not verified: the chain does.
 */
export function decodeTransaction(genesisHash: Uint8Array, bytes: Uint8Array): Result<{ readonly draft: TxDraft; readonly body: TxBody }> {
  const outer = decode(Tx, bytes);
  if (!outer.ok) return outer;
  const inner = decode(TxBody, outer.value.body);
  if (!inner.ok) return inner;
  if (!equalBytes(inner.value.chainTag, chainTag(genesisHash))) return fault('wrong_network');
  const body = outer.value.body;
  return ok({ draft: { genesisHash, body, txHash: toHex(chainHash('bill/tx-id/1', genesisHash, body)), sigs: outer.value.sigs }, body: inner.value });
}
