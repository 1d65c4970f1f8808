/**
 * Decoded and executed in Node and in a browser bundle alike: transactions, blocks with their roots, receipts, proofs and
 * headers of the vectors. First in a context with web globals alone, then in Chromium.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createContext, Script } from 'node:vm';
import { build } from 'esbuild';
import t from 'tap';
import { runVectors, type Vectors } from './runVectors.ts';

const run = promisify(execFile);
/** A page starts, decodes and verifies in some three seconds; a busy machine gets twenty times that. */
const CHROMIUM_TIMEOUT_MS = 60_000;
const PAGE_MAX_BYTES = 16_777_216;

function readVectors(): Vectors {
  const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../protocol/vectors/${name}.json`, import.meta.url), 'utf8'));
  return { transaction: read('transaction'), block: read('block'), proofs: read('proofs'), lightClient: read('lightClient') } as Vectors;
}

const vectors = readVectors();
const inNode = runVectors(vectors);

async function bundle(): Promise<string> {
  const { outputFiles: [file] } = await build({
    entryPoints: [join(import.meta.dirname, 'runVectors.ts')], bundle: true, write: false, platform: 'browser', format: 'iife', globalName: 'vectorRun', target: 'es2022', conditions: ['development'], minify: true, logLevel: 'silent',
  });
  return file?.text ?? '';
}

t.test('Node gives what the vectors say', async (t) => {
  for (const { output } of vectors.block.cases) t.ok(inNode.includes(` ${String(output['blockId'])} state `), String(output['blockId']));
  for (const { output: { txId } } of vectors.proofs.receipts) if (typeof txId === 'string') t.ok(inNode.includes(`receipt ${txId} `), txId);
  t.ok(inNode.split('\n').filter((line) => line.startsWith('paid ')).length >= 5, 'payments that verify offline');
  t.ok(inNode.split('\n').filter((line) => line === 'not paid other_invoice').length >= 5);
  t.notMatch(inNode, /^tx .* false/m, 'every encoding is the one encoding');
});

t.test('a bundle with web globals alone gives the same', async (t) => {
  const context = createContext({ TextEncoder, TextDecoder, crypto: globalThis.crypto, vectors: JSON.stringify(vectors) });
  new Script(await bundle()).runInContext(context);
  t.equal(new Script('vectorRun.runVectors(JSON.parse(vectors))').runInContext(context), inNode);
});

async function chromiumVersion(): Promise<string | undefined> {
  try {
    return (await run('chromium', ['--version'], { timeout: CHROMIUM_TIMEOUT_MS })).stdout.trim();
  } catch {
    return undefined;
  }
}

const version = await chromiumVersion();
t.test('Chromium gives the same', { skip: version === undefined ? 'chromium is not on this machine' : false }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-browser-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const page = join(folder, 'page.html');
  const script = (text: string): string => `<script>${text.replaceAll('</script', '<\\/script')}</script>`;
  const act = `try { document.body.textContent = 'result:' + encodeURIComponent(vectorRun.runVectors(${JSON.stringify(vectors)})); } catch (error) { document.body.textContent = 'error:' + encodeURIComponent(error.stack); }`;
  await writeFile(page, `<!doctype html><meta charset="utf-8"><body>${script(await bundle())}${script(act)}</body>`);
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', `--user-data-dir=${join(folder, 'profile')}`, '--dump-dom', pathToFileURL(page).href];
  const { stdout } = await run('chromium', flags, { timeout: CHROMIUM_TIMEOUT_MS, maxBuffer: PAGE_MAX_BYTES });
  const [, said = ''] = /<body>(?:<script>.*<\/script>)?(result:[^<\s]*|error:[^<\s]*)/s.exec(stdout) ?? [];
  t.comment(version ?? '');
  t.equal(decodeURIComponent(said), `result:${inNode}`);
});
