/** protocol/vectors/proofs.json: receipts and rows with what they prove, or the code of their refusal. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { decode, fromHex, toHex, ValidatorSet, verifyExecutionReceipt, verifyReceipt, verifyRowProof, type ReceiptTrust } from '../../src/index.ts';
import { verifyFast } from '../support/world.ts';

interface Vectors {
  readonly genesisHash: string;
  readonly validators: string;
  readonly rows: readonly { readonly title: string; readonly input: { readonly rowKey: string; readonly rowProof: string }; readonly output: object }[];
  readonly executions: readonly { readonly title: string; readonly input: { readonly txId: string; readonly executionReceipt: string }; readonly output: object }[];
  readonly receipts: readonly { readonly title: string; readonly input: { readonly receipt: string }; readonly output: object }[];
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/proofs.json', import.meta.url), 'utf8')) as Vectors;
const bytes = (hex: string): Uint8Array => fromHex(hex) ?? new Uint8Array(0);
const validators = decode(ValidatorSet, bytes(vectors.validators));
if (!validators.ok) throw new Error('the set decodes');
const trust: ReceiptTrust = { genesisHash: bytes(vectors.genesisHash), validators: validators.value, verify: verifyFast };

t.test('rows', (t) => {
  for (const { title, input, output } of vectors.rows) {
    const verified = verifyRowProof(trust, bytes(input.rowProof), bytes(input.rowKey));
    const got = verified.ok ? { height: verified.value.header.height, blockId: toHex(verified.value.blockId), value: verified.value.value === undefined ? null : toHex(verified.value.value) } : { refused: verified.refusal.code };
    t.same(got, output, title);
  }
  t.ok(vectors.rows.length >= 19);
  t.end();
});

t.test('receipts', (t) => {
  for (const { title, input, output } of vectors.receipts) {
    const verified = verifyReceipt(trust, bytes(input.receipt));
    if (!verified.ok) t.same({ refused: verified.refusal.code }, output, title);
    else {
      const { txId, body, code, header, blockId } = verified.value;
      t.same({ txId: toHex(txId), kind: body.kind.case, code, height: header.height, timeMs: header.timeMs, blockId: toHex(blockId) }, output, title);
    }
  }
  t.ok(vectors.receipts.length >= 16);
  t.end();
});

t.test('executions', (t) => {
  for (const { title, input, output } of vectors.executions) {
    const verified = verifyExecutionReceipt(trust, bytes(input.executionReceipt), bytes(input.txId));
    t.same(verified.ok ? { code: verified.value.code, height: verified.value.header.height, blockId: toHex(verified.value.blockId) } : { refused: verified.refusal.code }, output, title);
  }
  t.ok(vectors.executions.length >= 8);
  t.end();
});
