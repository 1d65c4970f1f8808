/** The arithmetic of a mint: shares of the farms and the oracles that must agree. */
import t from 'tap';
import { compareBytes, oracleQuorum, splitByWeight, type Share } from '../../src/index.ts';
import { randomOf } from '../support/random.ts';

const farm = (no: number): Uint8Array => new Uint8Array(20).fill(no);
const split = (totalMl: bigint, ...weights: readonly (readonly [number, bigint])[]): readonly bigint[] =>
  splitByWeight(totalMl, weights.map(([no, weightMl]) => ({ farm: farm(no), weightMl }))).map((share) => share.weightMl);

t.test('what is left after the floors goes to the largest remainders', (t) => {
  t.same(split(466_700n, [1, 1n]), [466_700n], 'one farm takes all');
  t.same(split(10n, [1, 1n], [2, 1n], [3, 1n]), [4n, 3n, 3n], 'equal remainders: the lower address');
  t.same(split(10n, [3, 1n], [2, 1n], [1, 1n]), [3n, 3n, 4n], 'whatever the order of the shares');
  t.same(split(11n, [1, 1n], [2, 1n], [3, 1n]), [4n, 4n, 3n]);
  t.same(split(100n, [1, 3n], [2, 3n], [3, 1n]), [43n, 43n, 14n], '42.857, 42.857, 14.286: two millilitres left');
  t.same(split(10n, [1, 5n], [2, 6n], [3, 7n]), [3n, 3n, 4n], '2.78, 3.33, 3.89');
  t.same(split(0n, [1, 1n], [2, 9n]), [0n, 0n]);
  t.same(split(1n, [1, 1n], [2, 999n]), [0n, 1n], 'a small share may get nothing');
  t.same(split(2n ** 53n - 1n, [1, 2n ** 53n - 1n], [2, 2n ** 53n - 1n]), [2n ** 52n, 2n ** 52n - 1n]);
  t.throws(() => splitByWeight(1n, []), /have weight/);
  t.end();
});

t.test('nothing is lost, and nobody is a millilitre away from the exact share', (t) => {
  const random = randomOf(35);
  for (let i = 0; i < 400; i++) {
    const totalMl = BigInt(random.below(2 ** 31));
    const shares: Share[] = Array.from({ length: 1 + random.below(64) }, (_, no) => ({ farm: farm(no), weightMl: BigInt(1 + random.below(random.pick([3, 1_000, 2 ** 30]))) }));
    const weightSum = shares.reduce((sum, share) => sum + share.weightMl, 0n);
    const parts = splitByWeight(totalMl, shares);
    const sum = parts.reduce((whole, part) => whole + part.weightMl, 0n);
    const near = parts.every((part, index) => {
      const floor = (totalMl * (shares[index] as Share).weightMl) / weightSum;
      return compareBytes(part.farm, (shares[index] as Share).farm) === 0 && (part.weightMl === floor || part.weightMl === floor + 1n);
    });
    if (sum !== totalMl || !near) t.fail(`run ${i}`);
  }
  t.end();
});

t.test('oracles that must agree: floor((n + f) / 2) + 1 with f = floor((n − 1) / 3)', (t) => {
  const table = [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11, 12, 12, 13, 14, 14, 15, 16, 16, 17, 18, 18, 19, 20, 20, 21];
  for (let n = 1; n <= 31; n++) {
    const quorum = oracleQuorum(n);
    const faulty = Math.floor((n - 1) / 3);
    t.equal(quorum, table[n - 1], `${n} oracles`);
    t.ok(2 * quorum - n > faulty, `two quorums of ${n} share an honest oracle`);
    t.ok(quorum <= n - faulty, `the honest of ${n} are enough`);
  }
  t.end();
});
