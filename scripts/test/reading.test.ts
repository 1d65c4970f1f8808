/** A reading by hand: the raw bytes on stdout are what an oracle accepts, and no number is used twice. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ed25519PublicKey, toHex } from '@billcoin/protocol';
import { openEnvelope, verifyEd25519Native, verifyP256Native, ALG, judgeReading, makeBench, MY_PROFILE, parseReadingTopic, type Registry } from '@billcoin/oracle';
import { utf8 } from '@billcoin/protocol';

const SCRIPT = fileURLToPath(new URL('../src/reading.ts', import.meta.url));
const genesisHash = new Uint8Array(32).fill(1);
const device = new Uint8Array(16).fill(2);
const seed = new Uint8Array(32).fill(3);
const owner = new Uint8Array(20).fill(4);
const NOW_MS = Date.now();

const registry: Registry = {
  height: 1, timeMs: NOW_MS, regulator: owner, plants: new Map(), meters: new Map(), farms: new Map([[toHex(owner), { account: owner, status: 1 }]]),
  devices: new Map([[toHex(device), {
    device, alg: ALG.ed25519, publicKey: ed25519PublicKey(seed), owner, site: utf8('farm-1'), fromMs: 0, untilMs: NOW_MS * 2, calibration: new Uint8Array(16), calibratedUntilMs: NOW_MS * 2, status: 1,
  }]]),
};

interface Run {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function run(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', '--conditions=development', SCRIPT, ...args], { encoding: 'buffer' }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr: stderr.toString() });
    });
  });
}

/** Processes from source take seconds to start where all cores are busy. */
const TIMEOUT_MS = 180_000;

t.test('two readings in a row are accepted and continue each other', { timeout: TIMEOUT_MS }, async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'billcoin-reading-'));
  t.teardown(() => rm(data, { recursive: true, force: true }));
  await mkdir(join(data, 'devices'));
  const file = join(data, 'devices', 'manual.json');
  await writeFile(file, JSON.stringify({ genesisHash: toHex(genesisHash), deviceId: toHex(device), seedHex: toHex(seed), site: 'farm-1', brokerUrl: 'mqtt://127.0.0.1:18830' }));
  const bench = makeBench(genesisHash, { ed25519: verifyEd25519Native, p256: verifyP256Native });
  let previousTotalMl = 0;
  for (const [seq, litres] of [[0, '12'], [1, '0.5']] as const) {
    const { code, stdout, stderr } = await run('--data', data, '--litres', litres);
    t.equal(code, 0, stderr);
    const topic = /^topic\s+(\S+)$/m.exec(stderr)?.[1] ?? '';
    t.match(stderr, `mosquitto_pub -h 127.0.0.1 -p 18830 -q 1 -t ${topic} -s`);
    const opened = openEnvelope('r', new Uint8Array(stdout));
    const reading = opened.ok ? opened.readings[0] : undefined;
    if (reading?.body === undefined) throw new Error('stdout is a signed reading');
    t.equal(reading.body.seq, seq);
    const topicDevice = parseReadingTopic(topic)?.device ?? null;
    t.same(judgeReading(bench, MY_PROFILE, { reading, topicDevice }, registry, { duplicate: false, locked: false, previousTotalMl }, NOW_MS).findings, []);
    previousTotalMl = reading.body.kind.case === 'flow' ? reading.body.kind.value.totalMl : -1;
  }
  t.match(JSON.parse(await readFile(file, 'utf8')), { epoch: 0, seq: 2, totalMl: 12_500, site: 'farm-1' });
  t.match((await run('--data', data, '--litres', '60')).stderr, /60\.000 L/, 'a milking that cannot be is made all the same: the oracle holds it');
});

t.test('what is wrong is said, and nothing is printed to stdout', { timeout: TIMEOUT_MS }, async (t) => {
  for (const [args, message] of [
    [[], /--litres must be/], [['--litres', '0'], /--litres must be/], [['--litres', '60001'], /--litres/], [['--litres', '1e3'], /--litres/],
    [['--litres', '1', '--data', '/nonexistent'], /Start the devnet once/], [['--liters', '1'], /^Unknown option '--liters'\.\nnpm run -s reading/],
  ] as const) {
    const { code, stdout, stderr } = await run(...args);
    t.equal(code, 1);
    t.equal(stdout.length, 0);
    t.match(stderr, message);
  }
});
