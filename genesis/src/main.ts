/** Entry of `npm run genesis`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { runCli } from './cli.ts';

process.exitCode = runCli(process.argv.slice(2), {
  read: (path) => readFileSync(path, 'utf8'),
  // A genesis is made once: a file that is there is never overwritten.
  write: (path, text) => writeFileSync(path, text, { flag: 'wx' }),
  print: (line) => console.log(line),
});
