/** Reads the command line, runs a command, turns failures into one readable line and an exit code. */
import { parseArgs } from 'node:util';
import { ConfigError, makeConfig, parseArgsOptions, type Flags } from '../config.ts';
import { StorageFailure } from '../storageFailure.ts';
import { COMMANDS, type Command } from './commands.ts';
import { commandHelp, helpText } from './help.ts';
import type { Terminal } from './terminal.ts';

const EXIT_USAGE = 2;

interface Arguments {
  readonly command: string;
  readonly words: readonly string[];
  readonly flags: Flags;
}

function commandOf(name: string): Command | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}

/** `billcoin help start` is `billcoin start --help`. */
function readArguments(args: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: parseArgsOptions(), allowPositionals: true });
    const [first, ...rest] = positionals;
    const said = first === 'help' ? rest : positionals;
    const length = commandOf(said.slice(0, 2).join(' ')) === undefined ? 1 : 2;
    return { command: said.slice(0, length).join(' '), words: said.slice(length), flags: first === 'help' ? { ...values, help: true } : values };
  } catch (error) {
    // What follows the first sentence explains how to give an option the form of an argument: nothing an operator wants.
    const [what = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/, 1);
    throw new ConfigError(`${what}. See billcoin --help.`, { cause: error });
  }
}

function unknownCommand(name: string): ConfigError {
  const longer = Object.keys(COMMANDS).filter((one) => one.startsWith(`${name} `));
  return new ConfigError(`"${name}" is no command. There are ${(longer.length > 0 ? longer : Object.keys(COMMANDS)).join(', ')}.`);
}

/** The whole command line tool. Returns the exit code; never throws for what an operator can cause. */
export async function runCli(args: readonly string[], environment: Readonly<Record<string, string | undefined>>, terminal: Terminal): Promise<number> {
  try {
    const { command, words, flags } = readArguments(args);
    const isHelp = flags['help'] === true;
    if (command === '') {
      terminal.print(helpText());
      return isHelp ? 0 : EXIT_USAGE;
    }
    const chosen = commandOf(command);
    if (chosen === undefined) throw unknownCommand(command);
    if (isHelp) {
      terminal.print(commandHelp(command, chosen));
      return 0;
    }
    if (words.length > 0 && chosen.words === undefined) throw new ConfigError(`"${words.join(' ')}" is too much: ${command} takes options only. See billcoin ${command} --help.`);
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
