/** The SDK runs where there is only the web platform: bundled for a browser, in a context without Node. */
import { createContext, Script } from 'node:vm';
import { build } from 'esbuild';
import t from 'tap';

/** What a browser gives; nothing of Node. */
function webGlobals(): Record<string, unknown> {
  return { crypto: globalThis.crypto, TextEncoder, TextDecoder, URL, URLSearchParams, AbortController, AbortSignal, Headers, Request, Response, ReadableStream, fetch, setTimeout, clearTimeout, console };
}

async function bundle(entry: string): Promise<{ readonly text: string; readonly inputs: readonly string[] }> {
  const result = await build({
    stdin: { contents: entry, resolveDir: import.meta.dirname, loader: 'ts' }, bundle: true, write: false, platform: 'browser', format: 'iife', globalName: 'sdk', target: 'es2022', conditions: ['development'], metafile: true, minify: true, logLevel: 'silent',
  });
  const file = result.outputFiles[0];
  return { text: file?.text ?? '', inputs: Object.entries(Object.values(result.metafile.outputs)[0]?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path) };
}

t.test('the whole SDK bundles without Node built-ins and works on web globals alone', async (t) => {
  const { text } = await bundle("export * from '../src/index.ts';");
  const context = createContext(webGlobals());
  new Script(text).runInContext(context);
  const script = `(() => {
    const key = sdk.keyFromSeed(new Uint8Array(32).fill(1));
    const draft = sdk.signTransfer({ genesisHash: new Uint8Array(32), to: key.address, amountMl: 300n, validUntilMs: 1775808923000, salt: new Uint8Array(8) }, key);
    return JSON.stringify({ address: key.addressText, txHash: draft.txHash, text: sdk.transactionText(draft), fresh: sdk.createKey().addressText, globals: [typeof Buffer, typeof process, typeof require] });
  })()`;
  const got = JSON.parse(new Script(script).runInContext(context) as string) as { address: string; fresh: string; txHash: string; text: string; globals: string[] };
  t.match(got.address, /^bill1/);
  t.match(got.fresh, /^bill1/);
  t.match(got.txHash, /^[0-9a-f]{64}$/);
  t.match(got.text, /^[A-Za-z0-9_-]+$/);
  t.same(got.globals, ['undefined', 'undefined', 'undefined']);
});

t.test('a till that verifies carries neither declarations nor TypeBox', async (t) => {
  const { text, inputs } = await bundle("export { createClient, createVerifiedClient, verifiedBalance, verifiedPayment, provenInvoiceOutcome, verifyPayment } from '../src/index.ts';");
  t.same(inputs.filter((path) => path.includes('typebox') || /src\/api\/(?!problems|faultTitles|route|orderEvents)/.test(path)), []);
  t.comment(`${text.length} bytes`);
  t.ok(text.length < 400_000, `${text.length} bytes`);
});

t.test('a wallet that pays carries neither route declarations nor TypeBox', async (t) => {
  const { text, inputs } = await bundle("export { createClient, payInvoice, readInvoice, waitForTransaction, streamOrders } from '../src/index.ts';");
  t.same(inputs.filter((path) => path.includes('typebox') || /src\/api\/(?!problems|faultTitles|route|orderEvents)/.test(path)), []);
  t.comment(`${text.length} bytes`);
  t.ok(text.length < 400_000, `${text.length} bytes`);
});
