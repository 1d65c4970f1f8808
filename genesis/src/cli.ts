/** The command line of this package: make, prove and verify genesis files. I/O comes in, so that tests run it whole. */
import { parseArgs } from 'node:util';
import { fromHex, toHex, type Fault } from '@billcoin/protocol';
import type { GenesisInput } from './genesisInput.ts';
import { makeGenesis, proveValidator } from './makeGenesis.ts';
import { verifyGenesis } from './verifyGenesis.ts';

/** What the command line touches. */
export interface CliIo {
  readonly read: (path: string) => string;
  readonly write: (path: string, text: string) => void;
  readonly print: (line: string) => void;
}

export const USAGE = `Usage:
  npm run genesis -- make INPUT.json --out FILE [--key KEYFILE]...   fill in proofs and state root
  npm run genesis -- prove INPUT.json --key KEYFILE                  an institution's proof, for its entry in INPUT.json
  npm run genesis -- verify FILE [--hash HEX]                        check a file, and its published hash
KEYFILE is a consensus-key.json of \`billcoin init\`; it never leaves this machine.`;

class Refusal extends Error {}

function refusalOf(fault: Fault): Refusal {
  return new Refusal(fault.code === 'malformed' ? `${fault.path} ${fault.why}` : fault.code);
}

function jsonOf<T>(io: CliIo, path: string): T {
  try {
    return JSON.parse(io.read(path)) as T;
  } catch (cause) {
    throw new Refusal(`${path} cannot be read as JSON: ${cause instanceof Error ? cause.message : 'unreadable'}`, { cause });
  }
}

function seedOf(io: CliIo, path: string): Uint8Array {
  const { seed } = jsonOf<{ readonly seed?: string }>(io, path);
  const bytes = seed === undefined ? undefined : fromHex(seed);
  if (bytes?.length !== 32) throw new Refusal(`${path} is not a key file: its seed has not 64 hex digits`);
  return bytes;
}

function make(io: CliIo, input: string, keys: readonly string[], out: string | undefined): void {
  if (out === undefined) throw new Refusal(`--out FILE is missing.\n${USAGE}`);
  const made = makeGenesis(jsonOf<GenesisInput>(io, input), keys.map((path) => seedOf(io, path)));
  if (!made.ok) throw refusalOf(made.fault);
  io.write(out, made.value.text);
  io.print(`${out}: ${made.value.chainId}`);
  io.print(`genesis hash ${toHex(made.value.genesisHash)}: publish it by another way than the file`);
}

function prove(io: CliIo, input: string, [key]: readonly string[]): void {
  if (key === undefined) throw new Refusal(`--key KEYFILE is missing.\n${USAGE}`);
  const proof = proveValidator(jsonOf<GenesisInput>(io, input), seedOf(io, key));
  if (!proof.ok) throw refusalOf(proof.fault);
  io.print(proof.value);
}

function verify(io: CliIo, file: string, hash: string | undefined): void {
  const verified = verifyGenesis(io.read(file), hash);
  if (!verified.ok) throw refusalOf(verified.fault);
  const { chainId, genesisHash, spec, validators } = verified.value;
  io.print(`${file} is sound: ${chainId}, ${validators.validators.length} active of ${spec.validators.length} validators, ${spec.oracles.length} oracles, ${spec.devices.length} devices`);
  io.print(`genesis hash ${toHex(genesisHash)}${hash === undefined ? ': compare it with the published one (--hash)' : ', as published'}`);
}

/** Runs one command; the exit code: 0 done, 1 refused with a sentence. */
export function runCli(args: readonly string[], io: CliIo): 0 | 1 {
  try {
    const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options: { out: { type: 'string' }, hash: { type: 'string' }, key: { type: 'string', multiple: true } } });
    const [command, path] = positionals;
    if (path === undefined) throw new Refusal(USAGE);
    if (command === 'make') make(io, path, values.key ?? [], values.out);
    else if (command === 'prove') prove(io, path, values.key ?? []);
    else if (command === 'verify') verify(io, path, values.hash);
    else throw new Refusal(USAGE);
    return 0;
  } catch (error) {
    io.print(error instanceof Error ? error.message : String(error));
    return 1;
  }
}
