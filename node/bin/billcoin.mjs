#!/usr/bin/env node
// npm links commands while it installs, when nothing is built yet, and links no file that is not there: hence beside dist/.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  process.stderr.write('billcoin is not built yet; run: npm run build\n');
  process.exitCode = 2;
}
