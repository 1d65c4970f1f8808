/** One command of the CLI, run in this process on the folders of a test network. */
import { PassThrough } from 'node:stream';
import type { Test } from 'tap';
import { runCli } from '../../src/cli/cli.ts';
import { makeTestFolders, type TestFolders } from './testNetwork.ts';

/** What a run of it said, on both outputs, and its exit code. */
export interface Said {
  readonly code: number;
  readonly text: string;
}

export type Run = (...args: readonly string[]) => Promise<Said>;

export async function openDesk(test: Test, command: string): Promise<{ readonly folders: TestFolders; readonly run: Run }> {
  const folders = await makeTestFolders();
  test.teardown(folders.remove);
  const { genesis, dataDir, keyDir } = folders.config;
  return {
    folders,
    async run(...args) {
      const lines: string[] = [];
      const print = (line: string): void => void lines.push(line);
      const code = await runCli([command, ...args, '--genesis', genesis, '--data-dir', dataDir, '--key-dir', keyDir], { BILLCOIN_LOG_LEVEL: 'silent' }, { print, complain: print, output: new PassThrough(), stopAsked: () => Promise.resolve() });
      return { code, text: lines.join('\n') };
    },
  };
}
