/** `npm run generate` writes every generated file; with `--check` it fails when one has drifted. */
import { resolve } from 'node:path';
import { findDrift, writeGenerated } from './generated.ts';
import { GENERATORS } from './generators.ts';

const root = resolve(import.meta.dirname, '../../..');

if (process.argv.includes('--check')) {
  const drifts = await findDrift(root, GENERATORS);
  for (const { path, line } of drifts) {
    console.error(`${path}: ${line === undefined ? 'is missing' : `differs from line ${line} on`}; run \`npm run generate\` and commit it`);
  }
  console.log(`${GENERATORS.length - drifts.length} of ${GENERATORS.length} generated files are up to date`);
  process.exitCode = drifts.length === 0 ? 0 : 1;
} else {
  const changed = await writeGenerated(root, GENERATORS);
  for (const path of changed) console.log(`wrote ${path}`);
  console.log(`${changed.length} of ${GENERATORS.length} generated files changed`);
}
