/** The command line of this package: make, prove and verify genesis files. I/O comes in, so that tests run it whole. */
import { parseArgs } from 'node:util';
import { fromHex, toHex, type Fault } from '@billcoin/protocol';
import { collectEntries, makeEntry } from './entries.ts';
import type { GenesisInput } from './genesisInput.ts';
import { makeGenesis } from './makeGenesis.ts';
import { verifyGenesis } from './verifyGenesis.ts';

/** What the command line touches. */
export interface CliIo {
  readonly read: (path: string) => string;
  readonly write: (path: string, text: string) => void;
  readonly print: (line: string) => void;
}

export const USAGE = `Usage:
  npm run genesis -- entry NETWORK --name NAME --account bill1… --key KEYFILE --out ENTRY.json [--waiting]
      what an institution sends to whoever writes the genesis; --waiting: admitted, but not in the first validator set
  npm run genesis -- make INPUT.json --out FILE [--entry ENTRY.json]... [--key KEYFILE]...
      collect the entries, fill in what is computed
  npm run genesis -- verify FILE [--hash HEX]
      check a file, and its published hash
KEYFILE is a consensus-key.json of \`billcoin keys\`; it never leaves its machine.`;

const OPTIONS = {
  out: { type: 'string' }, hash: { type: 'string' }, name: { type: 'string' }, account: { type: 'string' }, waiting: { type: 'boolean' }, key: { type: 'string', multiple: true },
  entry: { type: 'string', multiple: true },
} as const;

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

interface Values {
  readonly out?: string;
  readonly hash?: string;
  readonly name?: string;
  readonly account?: string;
  readonly waiting?: boolean;
  readonly key?: readonly string[];
  readonly entry?: readonly string[];
}

function needed(value: string | undefined, option: string): string {
  if (value === undefined) throw new Refusal(`${option} is missing.\n${USAGE}`);
  return value;
}

function make(io: CliIo, input: string, values: Values): void {
  const out = needed(values.out, '--out FILE');
  const entries = (values.entry ?? []).map((path) => ({ path, content: jsonOf(io, path) }));
  const collected = collectEntries(jsonOf<GenesisInput>(io, input), entries);
  if (!collected.ok) throw refusalOf(collected.fault);
  const made = makeGenesis(collected.value, (values.key ?? []).map((path) => seedOf(io, path)));
  if (!made.ok) throw refusalOf(made.fault);
  io.write(out, made.value.text);
  io.print(`${out}: ${made.value.chainId}`);
  io.print(`genesis hash ${toHex(made.value.genesisHash)}: publish it by another way than the file`);
}

function entry(io: CliIo, network: string, values: Values): void {
  const [key] = values.key ?? [];
  const institution = { name: needed(values.name, '--name NAME'), account: needed(values.account, '--account bill1…'), active: values.waiting !== true };
  const seed = seedOf(io, needed(key, '--key KEYFILE'));
  const out = needed(values.out, '--out ENTRY.json');
  const made = makeEntry(network, institution, seed);
  if (!made.ok) throw refusalOf(made.fault);
  io.write(out, made.value);
  io.print(`${out}: send it to whoever writes the genesis of ${network}; it holds no secret`);
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
    const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
    const [command, path] = positionals;
    if (path === undefined) throw new Refusal(USAGE);
    if (command === 'make') make(io, path, values);
    else if (command === 'entry') entry(io, path, values);
    else if (command === 'verify') verify(io, path, values.hash);
    else throw new Refusal(USAGE);
    return 0;
  } catch (error) {
    io.print(error instanceof Error ? error.message : String(error));
    return 1;
  }
}
