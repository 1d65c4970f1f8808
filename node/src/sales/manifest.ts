/**
 * The signed manifest of an export (api page §2.9): what the file holds, in numbers that anybody can make again from the
 * chain, and a root over its lines. The signature is what stands behind the pseudonyms, which no block knows.
 */
import { canonicalJson, formatLitres, formatRinggit, fromHex, RunningRoot, signingBytes, toHex, utf8, type Millilitres, type Sen, type Verifier } from '@billcoin/protocol';
import type { ExportManifest, SignedExportManifest } from '@billcoin/sdk';
import { rfc3339 } from '../rfc3339.ts';
import type { TimeRange } from './period.ts';
import { COLUMNS } from './saleLine.ts';

/** What a manifest says of the lines of a file. */
export interface LineSums {
  readonly rows: number;
  readonly sen: Sen;
  readonly amountMl: Millilitres;
  readonly merkleRoot: Uint8Array;
}

/** Adds up the lines of an export one after the other. */
export class LineCounter {
  #rows = 0;
  #sen = 0n;
  #amountMl = 0n;
  readonly #root = new RunningRoot();

  /** @param line without its end */
  add(line: string, sen: Sen, amountMl: Millilitres): void {
    this.#rows += 1;
    this.#sen += sen;
    this.#amountMl += amountMl;
    this.#root.add(utf8(line));
  }

  get sums(): LineSums {
    return { rows: this.#rows, sen: this.#sen, amountMl: this.#amountMl, merkleRoot: this.#root.root() };
  }
}

export interface ManifestParts {
  readonly month: string;
  readonly tz: string;
  readonly range: TimeRange;
  /** First and last block of the month, as far as the chain was; undefined where it had none. */
  readonly blocks: { readonly first: number; readonly last: number } | undefined;
  readonly sums: LineSums;
  /** Keys of the pseudonyms, in the order of their first line. */
  readonly keyIds: readonly string[];
}

export function makeManifest({ month, tz, range, blocks, sums, keyIds }: ManifestParts): ExportManifest {
  return {
    month, tz, from: rfc3339(range.fromMs), to: rfc3339(range.toMs), rows: sums.rows, sumRm: formatRinggit(sums.sen), sumLitres: formatLitres(sums.amountMl),
    firstBlock: blocks?.first ?? null, lastBlock: blocks?.last ?? null, merkleRoot: toHex(sums.merkleRoot), columns: [...COLUMNS], pseudonymKeyId: keyIds.join(','),
  };
}

/** What the key of exports signs: the manifest's canonical JSON (RFC 8785). */
export function manifestPreimage(genesisHash: Uint8Array, manifest: ExportManifest): Uint8Array {
  return signingBytes('bill/export/1', genesisHash, utf8(canonicalJson(manifest)));
}

export interface ExportSigner {
  readonly publicKey: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export function signManifest(genesisHash: Uint8Array, signer: ExportSigner, manifest: ExportManifest): SignedExportManifest {
  return { manifest, publicKey: toHex(signer.publicKey), signature: toHex(signer.sign(manifestPreimage(genesisHash, manifest))) };
}

/** Whether the key that the answer names has signed the manifest for this network; whose key that is, is another question. */
export function isSigned(genesisHash: Uint8Array, verify: Verifier, { manifest, publicKey, signature }: SignedExportManifest): boolean {
  const [key, signed] = [fromHex(publicKey), fromHex(signature)];
  return key?.length === 32 && signed?.length === 64 && verify(key, manifestPreimage(genesisHash, manifest), signed);
}
