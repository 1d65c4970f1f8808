/** The SDK builds, signs and opens every published transaction byte for byte. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { fromHex, toHex, verifyEd25519, type Share } from '@billcoin/protocol';
import {
  addSignature, buildAttest, buildOpenBatch, buildPay, buildRedeem, buildRefund, buildTransfer, decodeTransaction, encodeTransaction, keyFromSeed, txSigningBytes, type TxDraft,
} from '../../src/index.ts';

interface Case {
  readonly title: string;
  readonly input: { readonly genesisHash: string; readonly seeds: readonly string[]; readonly envelope: Readonly<Record<string, string | number>>; readonly kind: string; readonly fields: Readonly<Record<string, unknown>> };
  readonly output: { readonly body: string; readonly txHash: string; readonly tx: string };
}

const { cases } = JSON.parse(readFileSync(new URL('../../../protocol/vectors/transaction.json', import.meta.url), 'utf8')) as { cases: Case[] };

const bytes = (text: unknown): Uint8Array => fromHex(text as string) as Uint8Array;

/** The draft of a vector's input. */
function build({ genesisHash, envelope, kind, fields }: Case['input']): TxDraft {
  const common = { genesisHash: bytes(genesisHash), validUntilMs: envelope['validUntilMs'] as number, salt: bytes(envelope['salt'] ?? ''), feeMl: BigInt(envelope['feeMl'] as string) };
  const sender = bytes(envelope['sender']);
  const amountMl = BigInt((fields['amountMl'] as string | undefined) ?? '0');
  const statement = { batch: bytes(fields['batch'] ?? ''), attempt: fields['attempt'] as number, volumeMl: BigInt((fields['volumeMl'] as string | undefined) ?? '0'), reject: fields['reject'] as number, readingsRoot: bytes(fields['readingsRoot'] ?? ''), profileHash: bytes(fields['profileHash'] ?? '') };
  switch (kind) {
    case 'transfer': return buildTransfer({ ...common, sender, to: bytes(fields['to']), amountMl, ...(fields['reference'] === undefined ? {} : { reference: bytes(fields['reference']) }) });
    case 'refund': return buildRefund({ ...common, sender, tillNo: fields['tillNo'] as number, ref: bytes(fields['ref']), amountMl });
    case 'redeem': return buildRedeem({ ...common, holder: sender, batch: statement.batch, amountMl, noteHash: bytes(fields['noteHash']) });
    case 'attest': return buildAttest({ ...common, oracle: sender, ...statement });
    case 'openBatch': {
      const shares = (fields['shares'] as { farm: string; weightMl: string }[]).map(({ farm, weightMl }): Share => ({ farm: bytes(farm), weightMl: BigInt(weightMl) }));
      return buildOpenBatch({
        ...common, plant: sender, lot: bytes(fields['lot']), productionDate: fields['productionDate'] as number, expiresAtMs: fields['expiresAtMs'] as number, claimMl: BigInt(fields['claimMl'] as string),
        meter: bytes(fields['meter']), totalFrom: BigInt(fields['totalFrom'] as string), totalTo: BigInt(fields['totalTo'] as string), shares: shares.reverse(), manifestHash: bytes(fields['manifestHash']), attempt: 1,
      });
    }
    default: {
      const built = buildPay({ genesisHash: common.genesisHash, payer: sender, invoice: bytes(fields['invoice']), ...(fields['couponId'] === undefined ? {} : { couponId: bytes(fields['couponId']) }) });
      if (!built.ok) throw new Error(built.fault.code);
      return built.value;
    }
  }
}

t.test('every vector is built, signed and opened byte for byte', (t) => {
  t.same([...new Set(cases.map(({ input }) => input.kind))].sort(), ['attest', 'openBatch', 'pay', 'redeem', 'refund', 'transfer']);
  for (const { title, input, output } of cases) {
    const draft = build(input);
    t.equal(toHex(draft.body), output.body, `${title}: body`);
    t.equal(draft.txHash, output.txHash, `${title}: id`);
    const keys = input.seeds.map((seed) => keyFromSeed(bytes(seed)));
    const inOrder = keys.reduce(addSignature, draft);
    const reversed = [...keys].reverse().reduce(addSignature, draft);
    t.equal(toHex(encodeTransaction(inOrder)), output.tx, `${title}: whole bytes`);
    t.equal(toHex(encodeTransaction(reversed)), output.tx, `${title}: whoever signs first`);
    const opened = decodeTransaction(draft.genesisHash, bytes(output.tx));
    t.ok(opened.ok && opened.value.body.kind.case === input.kind && opened.value.draft.txHash === output.txHash, `${title}: opens`);
    for (const { publicKey, signature } of inOrder.sigs) t.ok(verifyEd25519(publicKey, txSigningBytes(draft), signature), `${title}: signature verifies`);
  }
  t.end();
});
