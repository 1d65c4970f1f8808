/**
 * `billcoin checkpoint-…`: makes, signs and checks the checkpoint file (SPEC §16.2). One institution makes it from its
 * own node, each key holder compares it with a node of his own and signs it where the key is, everybody serves it.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { addressOf, blockIdBytes, checkpointJson, checkpointPreimage, decode, equalBytes, formatAddress, fromBase64Url, Header, parseCheckpoint, toHex, withSignature, type Checkpoint, type Genesis, type SignedCheckpoint } from '@billcoin/protocol';
import { readCheckpointFile } from '../checkpointFile.ts';
import { ConfigError, type Config } from '../config.ts';
import { CONSENSUS_KEY_FILE, createKeyFile, readKeyFile, type KeyPair } from '../crypto/keyFiles.ts';
import { nativeSigner } from '../crypto/nativeSigner.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';

export const CHECKPOINT_KEY_FILE = 'checkpoint-key.json';
const ASK_TIMEOUT_MS = 5_000;

function pathOf(config: Config): string {
  if (config.checkpoint === undefined) throw new ConfigError('--checkpoint <file> is missing.');
  return config.checkpoint;
}

/** A fresh key for signing checkpoints; its public key goes into the genesis file. */
export async function makeCheckpointKey(config: Config): Promise<{ readonly file: string; readonly publicKey: string; readonly address: string }> {
  await mkdir(config.keyDir, { recursive: true, mode: 0o700 });
  const { publicKey } = await createKeyFile(config.keyDir, CHECKPOINT_KEY_FILE);
  return { file: `${config.keyDir}/${CHECKPOINT_KEY_FILE}`, publicKey: toHex(publicKey), address: formatAddress(addressOf(publicKey)) };
}

/** Writes the newest block of the running node as a checkpoint without signatures. Never overwrites a file. */
export async function makeCheckpoint(config: Config, genesis: Genesis): Promise<Checkpoint> {
  const path = pathOf(config);
  const url = `http://${config.httpHost}:${config.httpPort}/api/v1/blocks/latest`;
  const response = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  const { header: text, hash } = await response.json() as { readonly header?: unknown; readonly hash?: unknown };
  const headerBytes = typeof text === 'string' ? fromBase64Url(text) : undefined;
  const header = headerBytes === undefined ? undefined : decode(Header, headerBytes);
  if (headerBytes === undefined || header?.ok !== true) throw new ConfigError(`${url} gives no block (HTTP ${response.status}). Is the node of this network started, and has it made a block?`);
  const { height, nextValidatorsHash, timeMs } = header.value;
  const blockId = blockIdBytes(genesis.genesisHash, headerBytes);
  if (hash !== toHex(blockId)) throw new ConfigError(`The node at ${url} is of another network than ${genesis.chainId}. Point --http-port at the node of this genesis.`);
  const checkpoint = { height, blockId, validatorsHash: nextValidatorsHash, timeMs };
  await writeFile(path, checkpointJson({ checkpoint, signatures: [] }), { flag: 'wx' });
  return checkpoint;
}

/** The keys of the key folder that genesis pins: a key of its own, or the consensus key where genesis names that one. */
async function pinnedKeys(config: Config, genesis: Genesis): Promise<readonly KeyPair[]> {
  const found = [await readKeyFile(config.keyDir, CHECKPOINT_KEY_FILE), await readKeyFile(config.keyDir, CONSENSUS_KEY_FILE)];
  return found.filter((pair): pair is KeyPair => pair !== undefined && genesis.spec.checkpointKeys.some((key) => equalBytes(key, pair.publicKey)));
}

/** Adds the signatures of this key folder. The file is replaced as a whole. */
export async function signCheckpoint(config: Config, genesis: Genesis): Promise<SignedCheckpoint> {
  const path = pathOf(config);
  const parsed = parseCheckpoint(await readFile(path, 'utf8'));
  if (!parsed.ok) throw new ConfigError(`${path}: ${parsed.refusal.why}.`);
  const keys = await pinnedKeys(config, genesis);
  if (keys.length === 0) throw new ConfigError(`${config.keyDir} holds no checkpoint key that the genesis of ${genesis.chainId} names.`);
  const message = checkpointPreimage(genesis.genesisHash, parsed.value.checkpoint);
  const signed = keys.reduce((all, pair) => withSignature(all, pair.publicKey, nativeSigner(pair)(message)), parsed.value);
  await writeFile(`${path}.new`, checkpointJson(signed));
  await rename(`${path}.new`, path);
  return signed;
}

/** Checks a file as the node does before it serves it; undefined where it holds, else what is wrong. */
export async function checkCheckpoint(config: Config, genesis: Genesis): Promise<{ readonly signed: SignedCheckpoint } | { readonly problem: string }> {
  const read = await readCheckpointFile(pathOf(config), genesis, verifyEd25519Native);
  return read.ok ? { signed: read.value } : { problem: `${read.refusal.code}: ${read.refusal.why}` };
}
