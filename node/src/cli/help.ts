/** What `billcoin --help`, `billcoin help` and `billcoin <command> --help` print. */
import { makeOptionHelp } from '../config.ts';
import { GROUPS, type Command } from './commands.ts';
import { txKindHelp } from './txKinds.ts';

const HEAD = 'billcoin <command> [options]';
const NAME_WIDTH = 18;
const FIRST_STEPS = [
  'First steps of a node (OPERATING.md says more)',
  '  billcoin keys                     a validator\'s key; any other node needs none',
  '  billcoin init                     with the genesis.json of your network',
  '  billcoin users add boss admin     the first administrator, before the first start; not with --chain-only',
  '  billcoin start',
].join('\n');
const EXIT_CODES = 'Exit codes: 0 done, 1 refused or failed, 2 asked wrongly; verify-export: 2 not checked.';

function usage(name: string, { words }: Command): string {
  return words === undefined ? name : `${name} ${words}`;
}

function commandLines(commands: Readonly<Record<string, Command>>): readonly string[] {
  return Object.entries(commands).map(([name, command]) => `  ${name.padEnd(NAME_WIDTH)}${command.summary}${command.words === undefined ? '' : `\n  ${''.padEnd(NAME_WIDTH)}${usage(name, command)}`}`);
}

/** Everything: commands by what they need, kinds of transaction, options. */
export function helpText(): string {
  const groups = Object.entries(GROUPS).flatMap(([title, commands]) => ['', title, ...commandLines(commands)]);
  return [HEAD, 'Options of one command: billcoin <command> --help', ...groups, '', FIRST_STEPS, '', 'Kinds of transaction (billcoin tx)', txKindHelp(), '', 'Options (also as BILLCOIN_… variables and in the file of --config)', makeOptionHelp(), '', EXIT_CODES].join('\n');
}

/** One command, and the options that it reads. */
export function commandHelp(name: string, command: Command): string {
  const kinds = name === 'tx' ? ['', 'Kinds of transaction', txKindHelp()] : [];
  return [`billcoin ${usage(name, command)} [options]`, '', command.summary, ...kinds, '', 'Options (also as BILLCOIN_… variables and in the file of --config)', makeOptionHelp(command.options), '', EXIT_CODES].join('\n');
}
