/** Reads the command line, runs a command, turns failures into one readable line and an exit code. */
import { parseArgs } from 'node:util';
import { ConfigError, makeConfig, makeOptionHelp, parseArgsOptions, type Flags } from '../config.ts';
import { StorageFailure } from '../storageFailure.ts';
import { COMMANDS } from './commands.ts';
import type { Terminal } from './terminal.ts';
import { txKindHelp } from './txKinds.ts';

const EXIT_USAGE = 2;

export function helpText(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary, words }]) => `  ${name.padEnd(17)} ${summary}${words === undefined ? '' : `\n  ${''.padEnd(17)} ${name} ${words}`}`);
  return ['billcoin <command> [options]', '', 'Commands', ...commands, '', 'Kinds of transaction (billcoin tx)', txKindHelp(), '', 'Options (also as BILLCOIN_… variables and in the file of --config)', makeOptionHelp()].join('\n');
}

function readArguments(args: readonly string[]): { readonly command: string | undefined; readonly words: readonly string[]; readonly flags: Flags } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: parseArgsOptions(), allowPositionals: true });
    const length = Object.hasOwn(COMMANDS, positionals.slice(0, 2).join(' ')) ? 2 : 1;
    const command = positionals.slice(0, length).join(' ');
    const words = positionals.slice(length);
    const takesWords = Object.hasOwn(COMMANDS, command) && COMMANDS[command]?.words !== undefined;
    if (words.length > 0 && !takesWords) throw new ConfigError(`"${words.join(' ')}" is too much; there is one command.`);
    return { command: positionals.length === 0 ? undefined : command, words, flags: values };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    // What follows the first sentence explains how to give an option the form of an argument: nothing an operator wants.
    const [what = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/, 1);
    throw new ConfigError(`${what}. See billcoin --help.`, { cause: error });
  }
}

/** The whole command line tool. Returns the exit code; never throws for what an operator can cause. */
export async function runCli(args: readonly string[], environment: Readonly<Record<string, string | undefined>>, terminal: Terminal): Promise<number> {
  try {
    const { command, words, flags } = readArguments(args);
    if (flags['help'] === true || command === undefined) {
      terminal.print(helpText());
      return flags['help'] === true ? 0 : EXIT_USAGE;
    }
    const chosen = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
    if (chosen === undefined) throw new ConfigError(`"${command}" is no command. There are ${Object.keys(COMMANDS).join(', ')}.`);
    return await chosen.run(makeConfig(flags, environment), terminal, words);
  } catch (error) {
    terminal.complain(explain(error));
    return error instanceof ConfigError ? EXIT_USAGE : 1;
  }
}

/** What the operating system refused: a file, or the connection behind a failed request. */
function systemErrorOf(error: unknown): NodeJS.ErrnoException | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return [error, cause].find((one): one is NodeJS.ErrnoException => one instanceof Error && 'syscall' in one);
}

/** One line for an operator; a bug keeps its stack. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StorageFailure) return error.message;
  const system = systemErrorOf(error);
  const { code, path } = (system ?? error) as NodeJS.ErrnoException;
  if (code === 'EEXIST') return `${path ?? 'The file'} exists already and is never overwritten. Remove it yourself if you are sure that it is not needed.`;
  if (system !== undefined) return `${system.message}.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
