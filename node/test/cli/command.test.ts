/** The command that npm links: there before anything is built. */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { access, copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

const PACKAGE = new URL('../../', import.meta.url);

t.test('npx billcoin: npm finds the command in a fresh checkout, and it says what to do until it is built', async (t) => {
  const { bin } = JSON.parse(await readFile(new URL('package.json', PACKAGE), 'utf8')) as { bin: { billcoin: string } };
  t.notMatch(bin.billcoin, /^(\.\/)?dist\//, 'npm links no file that is not there when it installs');
  const command = new URL(bin.billcoin, PACKAGE);
  await access(command, constants.X_OK);
  t.match(await readFile(command, 'utf8'), /^#!\/usr\/bin\/env node\n/);

  const unbuilt = await mkdtemp(join(tmpdir(), 'billcoin-unbuilt-'));
  t.teardown(() => rm(unbuilt, { recursive: true, force: true }));
  await mkdir(join(unbuilt, 'bin'));
  await copyFile(command, join(unbuilt, 'bin/billcoin.mjs'));
  const { status, stderr } = spawnSync(process.execPath, [join(unbuilt, 'bin/billcoin.mjs'), 'status'], { encoding: 'utf8', env: { PATH: process.env.PATH ?? '' } });
  t.equal(status, 2);
  t.equal(stderr, 'billcoin is not built yet; run: npm run build\n');
});
