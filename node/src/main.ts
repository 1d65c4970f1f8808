#!/usr/bin/env node
/** The `billcoin` command. */
import { runCli } from './cli/cli.ts';
import { makePainter } from './cli/painter.ts';
import type { Terminal } from './cli/terminal.ts';
import { useNativeHashing } from './node.ts';

useNativeHashing();

// Nobody reads any more (`billcoin start | head`, a terminal that is gone): what a command does goes on, and its exit code says how it ended.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const painter = process.stdout.isTTY ? makePainter(process.stdout) : undefined;

const terminal: Terminal = {
  print: painter?.print ?? ((line) => void process.stdout.write(`${line}\n`)),
  paint: painter?.paint,
  complain: (line) => void process.stderr.write(`${line}\n`),
  output: process.stdout,
  stopAsked: () => new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  }),
};

process.exitCode = await runCli(process.argv.slice(2), process.env, terminal);
// A halted node has open files and timers that must not keep it alive.
process.exit();
