import t from 'tap';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDebianParts, findCommand } from '../../src/tidy/debianParts.ts';

t.test('a command is found on the path when it can be run', async (t) => {
  const folder = t.testdir({ broker: '#!/bin/sh\n', notes: 'text' });
  chmodSync(join(folder, 'broker'), 0o755);
  chmodSync(join(folder, 'notes'), 0o644);
  t.equal(await findCommand('broker', `/nowhere:${folder}`), join(folder, 'broker'));
  t.equal(await findCommand('notes', folder), undefined);
});

t.test('nothing is installed when everything is there', async (t) => {
  const folder = t.testdir({ broker: '' });
  chmodSync(join(folder, 'broker'), 0o755);
  const outcome = await ensureDebianParts(folder, [{ command: 'broker', debianPackage: 'none-such', usedBy: 'this test' }]);
  t.same(outcome, { installed: [], missing: undefined });
});

t.test('without apt-get the missing parts are named with the reason', async (t) => {
  const part = { command: 'no-such-broker', debianPackage: 'none-such', usedBy: 'this test' };
  const outcome = await ensureDebianParts(t.testdir({}), [part]);
  t.same(outcome.missing?.parts, [part]);
  t.match(outcome.missing?.reason, /not Debian/);
});
