/** Rates of signature verification on this machine: native and portable, inline and in the pool. Run it directly for a table. */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { createVerifyPool, verifyEd25519Native, verifyP256Native } from '@billcoin/node';
import {
  ed25519PublicKey, p256PublicKey, precheckSignature, signEd25519, signP256, verifyEd25519, verifyP256,
} from '@billcoin/protocol';

/** Signatures a second: the median of the runs and the slowest and fastest of them. */
export type SignatureRate = {
  readonly name: string;
  readonly medianPerS: number;
  readonly lowestPerS: number;
  readonly highestPerS: number;
};

type Item = { publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array };
type Round = () => Promise<boolean> | boolean;

/** Odd, so that the median is a run; enough to show the spread within the time allowed. */
const RUNS = 5;
/** Time of one run: long against the clock and a collection of garbage, 7 rows × 5 runs stay below 15 s even on a busy machine. */
const RUN_MS = 200;
/** Different keys in one round, as in a block: no engine lives off one cached key. */
const KEYS = 256;
/** A payment is about 200 bytes. */
const MESSAGE_BYTES = 200;

function seeded(label: string, n: number): Buffer {
  return createHash('sha256').update(`bench signature ${label} ${n}`).digest();
}

function makeItems(keyOf: (secret: Uint8Array) => Uint8Array, sign: (secret: Uint8Array, message: Uint8Array) => Uint8Array): Item[] {
  return Array.from({ length: KEYS }, (_, n) => {
    const secret = seeded('key', n);
    const message = Buffer.alloc(MESSAGE_BYTES, seeded('message', n));
    return { publicKey: keyOf(secret), message, signature: sign(secret, message) };
  });
}

/** Repeats whole rounds for RUN_MS and answers items a second. A round that says false means the engine is wrong. */
async function measureRun(itemsPerRound: number, round: Round): Promise<number> {
  const from = performance.now();
  let rounds = 0;
  let spentMs = 0;
  do {
    if (!(await round())) throw new Error('an engine refused a valid signature');
    rounds++;
    spentMs = performance.now() - from;
  } while (spentMs < RUN_MS);
  return (rounds * itemsPerRound * 1_000) / spentMs;
}

async function measure(name: string, itemsPerRound: number, round: Round): Promise<SignatureRate> {
  await round(); // compiles the code and starts the threads
  const rates: number[] = [];
  for (let run = 0; run < RUNS; run++) rates.push(await measureRun(itemsPerRound, round));
  rates.sort((a, b) => a - b);
  const at = (index: number): number => Math.round(rates[index] ?? 0);
  return { name, medianPerS: at(RUNS >> 1), lowestPerS: at(0), highestPerS: at(RUNS - 1) };
}

async function measurePool(items: readonly Item[], threads: number): Promise<SignatureRate> {
  const pool = createVerifyPool({ threads });
  const block = Array.from({ length: 8 }, () => items).flat(); // 2,048: a full block
  try {
    const round = async (): Promise<boolean> => (await pool.verifyMany(block)).every(Boolean);
    return await measure(`Ed25519 native, pool of ${threads}, blocks of ${block.length}`, block.length, round);
  } finally {
    await pool.close();
  }
}

/** Measures every engine with the whole signature rule around it, one after the other, in about 10 s. */
export async function benchSignature(): Promise<SignatureRate[]> {
  const ed25519 = makeItems(ed25519PublicKey, signEd25519);
  const p256 = makeItems(p256PublicKey, signP256);
  const every = (items: readonly Item[], verify: typeof verifyEd25519): Round =>
    () => items.every((item) => verify(item.publicKey, item.message, item.signature));
  const few = 16; // a portable round of all keys would outlast a run
  return [
    await measure('Ed25519 pre-check alone', KEYS, () => ed25519.every((item) => precheckSignature(item.publicKey, item.signature))),
    await measure('Ed25519 native, inline', KEYS, every(ed25519, verifyEd25519Native)),
    await measurePool(ed25519, 1),
    await measurePool(ed25519, Math.max(2, availableParallelism())),
    await measure('Ed25519 portable', few, every(ed25519.slice(0, few), verifyEd25519)),
    await measure('P-256 native, keys cached', KEYS, every(p256, verifyP256Native)),
    await measure('P-256 portable', few, every(p256.slice(0, few), verifyP256)),
  ];
}

/** The rates as a text table. */
export function formatSignatureRates(rates: readonly SignatureRate[]): string {
  const rows = [['verification, one a signature', 'median/s', 'lowest/s', 'highest/s'],
    ...rates.map((r) => [r.name, ...[r.medianPerS, r.lowestPerS, r.highestPerS].map((n) => n.toLocaleString('en-US'))])];
  const width = Math.max(...rows.map((row) => row[0]!.length));
  return rows.map(([name, ...numbers]) => `${name!.padEnd(width)}${numbers.map((n) => n.padStart(12)).join('')}\n`).join('');
}

const script = process.argv[1];
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  process.stdout.write(formatSignatureRates(await benchSignature()));
}
