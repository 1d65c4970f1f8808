/** Which test files share a process, what of them counts for the coverage, and in which order they start. */
import { dirname } from 'node:path';

/** Which lines count: those its process runs, and those of the processes it starts. */
export type Measured = 'all' | 'own' | 'nothing';

/** Files that run one after another in one process. */
export type TestJob = { readonly files: readonly string[]; readonly measured: Measured };

/** `networks` keep many processes busy, so one of them runs at a time beside one of the `others`; each list from its longest on. */
export type TestPlan = { readonly networks: readonly TestJob[]; readonly others: readonly TestJob[] };

/** Files that start whole networks of processes, the longest first. The lines of those processes are run by others too, or counted. */
export const NETWORKS: Readonly<Record<string, Measured>> = {
  'scripts/test/devnet/kill.test.ts': 'all',
  'scripts/test/bench/bench.test.ts': 'own',
  'scripts/test/stress/validators.test.ts': 'nothing',
  'node/test/stress/processes.test.ts': 'nothing',
  'scripts/test/stress/outside.test.ts': 'nothing',
  'scripts/test/bench/campusLoad.test.ts': 'own',
  'node/test/network/newcomer.test.ts': 'own',
  'node/test/stress/acceptance.test.ts': 'nothing',
};

/** Files that compute for half a minute and more, the longest first: each has a process of its own. */
export const LONG_FILES: readonly string[] = [
  'node/test/sim/fourNodes.test.ts',
  'node/test/stress/damage.test.ts',
  'node/test/stress/simulation.test.ts',
  'node/test/driver/sync.test.ts',
  'scripts/test/reading.test.ts',
];

/** Short files that replace parts of Node before ours are loaded: nothing may have loaded them in their process. */
export const FIRST_IN_PROCESS: readonly string[] = ['node/test/abuse/oracles.test.ts'];

/** Most files of a process: enough to share its start, few enough that the last processes end together. */
const FILES_MAX = 16;

/** Plans the files. Short ones of one folder need the same modules, so they share a process. */
export function planTests(files: readonly string[]): TestPlan {
  const networks = Object.entries(NETWORKS).filter(([file]) => files.includes(file)).map(([file, measured]) => ({ files: [file], measured }));
  const long = LONG_FILES.filter((file) => files.includes(file)).map((file) => [file]);
  const first = FIRST_IN_PROCESS.filter((file) => files.includes(file)).map((file) => [file]);
  const folders = new Map<string, string[]>();
  for (const file of files) {
    if (!(file in NETWORKS) && !LONG_FILES.includes(file) && !FIRST_IN_PROCESS.includes(file)) folders.set(dirname(file), [...folders.get(dirname(file)) ?? [], file]);
  }
  const short = [...folders.values()].flatMap(shares).sort((a, b) => b.length - a.length);

  return { networks, others: [...long, ...short, ...first].map((job) => ({ files: job, measured: isStress(job) ? 'nothing' : 'all' })) };
}

/** Coverage makes hashing and signatures three times slower; tests under test/stress/ run without it. */
function isStress([file = '']: readonly string[]): boolean {
  return file.split('/').includes('stress');
}

/** Parts of nearly the same length. */
function shares(files: readonly string[]): readonly (readonly string[])[] {
  const count = Math.ceil(files.length / FILES_MAX);

  return Array.from({ length: count }, (_, i) => files.slice(Math.floor((files.length * i) / count), Math.floor((files.length * (i + 1)) / count)));
}
