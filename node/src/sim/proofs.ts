/**
 * What stands outside a node and believes nothing: a light client accepts exactly the decided headers (I15), and proofs of
 * rows hold as they are and in no other way (I16).
 */
import {
  Block, Certificate, blockIdOf, decode, encode, encodeChange, makeRowProof, passTrust, readCandidate, toHex, trustGenesis, verifyRowProof, Header,
  type Genesis, type LightBlock, type TrustedHeader, type ValidatorSet, type Verifier,
} from '@billcoin/protocol';
import { FORGED_CERTIFICATES } from './forgeries.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import { bodyKey, certificateKey, type Blame } from './wireRecord.ts';

/** Headers and rows that are looked at in one run. */
const HEADERS = 4;
const ROWS_LOOKED_AT = 4;

export interface ProofSetup {
  readonly genesis: Genesis;
  readonly verify: Verifier;
  readonly random: Random;
  readonly nowMs: number;
  readonly blame: Blame;
  /** Ids of the decided blocks, by height − 1. */
  readonly decided: readonly { readonly id: string }[];
  /** The sets that vote at a height, and at the next. */
  readonly setAt: (height: number) => ValidatorSet;
}

function lightBlockOf(node: SimProcess, height: number, { setAt }: ProofSetup): LightBlock | undefined {
  const certificate = decode(Certificate, node.disks.blocks.read(certificateKey(height)) ?? new Uint8Array(0));
  const block = certificate.ok ? decode(Block, node.disks.blocks.read(bodyKey(height, certificate.value.blockId)) ?? new Uint8Array(0)) : certificate;
  if (!certificate.ok || !block.ok) return undefined;
  return { header: block.value.header, certificate: certificate.value, validators: setAt(height), nextValidators: setAt(height + 1) };
}

/** Where trust goes with this block; undefined where the client does not believe it. */
function believed(setup: ProofSetup, trusted: TrustedHeader, block: LightBlock): TrustedHeader | undefined {
  const context = { genesisHash: setup.genesis.genesisHash, verify: setup.verify };
  const candidate = readCandidate(context, block);
  if (!candidate.ok) return undefined;
  const step = passTrust(context, trusted, candidate.value, setup.nowMs);
  return step.kind === 'trusted' ? step.trusted : undefined;
}

/** I15, from genesis over some decided headers to the newest: each is believed, no change of it is. */
export function checkLightClient(setup: ProofSetup, node: SimProcess): void {
  const { random, blame, decided, genesis } = setup;
  let trusted = trustGenesis(genesis);
  const heights = new Set([...Array.from({ length: HEADERS }, () => random.between(1, decided.length)), decided.length]);
  for (const height of [...heights].sort((a, b) => a - b)) {
    const block = lightBlockOf(node, height, setup);
    if (block === undefined) return blame('I15', `node ${node.index} does not hold block ${height}`);
    for (const [what, forged] of forgeriesOf(block, random, genesis)) {
      const wrong = believed(setup, trusted, forged);
      if (wrong !== undefined && toHex(wrong.blockId) !== decided[height - 1]?.id) blame('I15', `a light client believes a header of height ${height} with ${what}`);
    }
    const next = believed(setup, trusted, block);
    if (next === undefined || toHex(next.blockId) !== decided[height - 1]?.id) return blame('I15', `a light client does not believe the decided header of height ${height}`);
    trusted = next;
  }
}

/** A header with another root, with and without a certificate that names it, and certificates forged in every way. */
function forgeriesOf(block: LightBlock, random: Random, { genesisHash }: Genesis): readonly (readonly [what: string, block: LightBlock])[] {
  const header = decode(Header, block.header);
  if (!header.ok) return [];
  const headerBytes = encode(Header, { ...header.value, stateRoot: random.bytes(32) });
  const named = { ...block.certificate, blockId: Uint8Array.from(Buffer.from(blockIdOf(genesisHash, headerBytes), 'hex')) };
  const forger = { random, genesisHash, sign: (): Uint8Array => random.bytes(64), index: 0 };
  return [
    ['another state root', { ...block, header: headerBytes }],
    ['another state root, named by its certificate', { ...block, header: headerBytes, certificate: named }],
    ...Object.entries(FORGED_CERTIFICATES).map(([name, forge]) => [`a forged certificate: ${name}`, { ...block, header: headerBytes, certificate: forge(named, forger) }] as const),
  ];
}

/** I16: rows that are there and keys that are not, at a node's newest height. */
export function checkRowProofs(setup: ProofSetup, node: SimProcess): void {
  const { random, blame, genesis, verify, setAt } = setup;
  const { engine } = node;
  if (engine === undefined) return;
  const { headerBytes, certificate, height } = engine.port.tip();
  if (certificate === undefined) return;
  const trust = { genesisHash: genesis.genesisHash, verify, validators: setAt(height) };
  const rows = engine.tip().state.all().map(encodeChange);
  const keys = [...Array.from({ length: ROWS_LOOKED_AT }, () => random.pick(rows).key), random.bytes(21)];
  for (const key of keys) {
    const proven = engine.port.proveRow(key);
    if (proven === 'dropped' || proven === 'none') return blame('I16', `node ${node.index} proves no row of its newest height`);
    const bytes = makeRowProof({ headerBytes, certificate, proof: proven.proof, value: proven.value });
    const verdict = verifyRowProof(trust, bytes, key);
    if (!verdict.ok) blame('I16', `the proof of row ${toHex(key)} is refused: ${verdict.refusal.code}`);
    const at = random.below(bytes.length);
    const mutated = bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte));
    if (verifyRowProof(trust, mutated, key).ok) blame('I16', `the proof of row ${toHex(key)} is believed with byte ${at} changed`);
    const other = random.bytes(21);
    if (verifyRowProof(trust, bytes, other).ok) blame('I16', `the proof of row ${toHex(key)} is believed of another row`);
  }
}
