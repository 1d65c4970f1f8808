/** The root from sorted leaves is the root of the state tree, whatever the rows. */
import t from 'tap';
import { SortedRoot, StateTree, compareBytes, sha256, toHex, utf8 } from '../../src/index.ts';
import { randomOf } from '../support/random.ts';

function sortedRoot(rows: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): string {
  const root = new SortedRoot();
  for (const { key, value } of [...rows].sort((a, b) => compareBytes(sha256(a.key), sha256(b.key)))) root.add(sha256(key), sha256(value));
  return toHex(root.finish());
}

void t.test('none, one, few and many rows', async (test) => {
  const random = randomOf(11);
  for (const count of [0, 1, 2, 3, 4, 5, 7, 8, 9, 20, 100, 257, 3_000]) {
    for (let round = 0; round < (count < 10 ? 40 : 2); round++) {
      const rows = Array.from({ length: count }, (_, i) => ({ key: utf8(`${round}/${i}/${random.below(2 ** 30)}`), value: utf8(String(i)) }));
      const tree = new StateTree();
      const expected = toHex(tree.root(tree.update(tree.empty(), rows)));
      if (sortedRoot(rows) !== expected) test.fail(`${count} rows in round ${round}`);
    }
    test.pass(`${count} rows`);
  }
});
