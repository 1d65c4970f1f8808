#!/usr/bin/env node
/** The `billcoin` command. */
import { runCli } from './cli/cli.ts';
import { useNativeHashing } from './node.ts';

useNativeHashing();

const stopAsked = new Promise<void>((resolve) => {
  process.once('SIGINT', () => resolve());
  process.once('SIGTERM', () => resolve());
});

process.exitCode = await runCli(process.argv.slice(2), process.env, { print: (line) => void process.stdout.write(`${line}\n`), output: process.stdout, stopAsked });
// A halted node has open files and timers that must not keep it alive.
process.exit();
