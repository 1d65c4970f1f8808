import t from 'tap';
import { loadGenesis, prettyCanonicalJson, toHex, verifyEd25519, type Fault, type Json } from '@billcoin/protocol';
import { makeGenesis, verifyGenesis, type MadeGenesis } from '../src/index.ts';
import { accountOf, publicKeyOf, sampleInput, SEEDS, seedOf } from './support/sample.ts';

type Tree = { [key: string]: unknown };

function made(): MadeGenesis {
  const result = makeGenesis(sampleInput(), SEEDS);
  if (!result.ok) throw new Error(JSON.stringify(result.fault));
  return result.value;
}

function sentenceOf(fault: Fault): string {
  return fault.code === 'malformed' ? `${fault.path} ${fault.why}` : fault.code;
}

/** What a node says to a file, or undefined where it takes it. */
function refusalOf(text: string, hash?: string): string | undefined {
  const result = verifyGenesis(text, hash);
  return result.ok ? undefined : sentenceOf(result.fault);
}

function edited(text: string, edit: (file: Tree) => void): string {
  const file = JSON.parse(text) as Tree;
  edit(file);
  return prettyCanonicalJson(file as Json);
}

t.test('a made genesis loads, with the defaults filled in', (t) => {
  const { text, genesisHash, chainId } = made();
  const loaded = loadGenesis(text, verifyEd25519);
  if (!loaded.ok) throw new Error(sentenceOf(loaded.fault));
  t.equal(toHex(loaded.value.genesisHash), toHex(genesisHash));
  t.equal(chainId, `bill-sample-${toHex(genesisHash).slice(0, 8)}`);
  t.equal(loaded.value.validators.validators.length, 1, 'only the active institution is in the first set');
  t.equal(loaded.value.spec.params.minFeeMl, 1n);
  t.equal(made().text, text, 'the same input gives the same bytes');
  t.end();
});

t.test('parameters of the input replace defaults, within their bounds', (t) => {
  const other = makeGenesis(sampleInput({ params: { minFeeMl: '0' } }), SEEDS);
  t.equal(other.ok && refusalOf(other.value.text), undefined);
  t.not(other.ok && toHex(other.value.genesisHash), toHex(made().genesisHash));
  const wrong = makeGenesis(sampleInput({ params: { paymentFeeBps: 9_999 } }), SEEDS);
  t.equal(wrong.ok ? '' : sentenceOf(wrong.fault), 'genesis.params.paymentFeeBps is 9999, not an integer from 0 to 500');
  const unknown = makeGenesis(sampleInput({ params: { colour: 3 } }), SEEDS);
  t.equal(unknown.ok ? '' : sentenceOf(unknown.fault), 'genesis.params.colour is not a known field');
  t.end();
});

t.test('a missing proof and wrong fields are named by path', (t) => {
  const refused = (result: ReturnType<typeof makeGenesis>): string => (result.ok ? '' : sentenceOf(result.fault));
  t.equal(refused(makeGenesis(sampleInput(), [seedOf('university')])), 'genesis.validators[1].proof is missing and the seed of Cooperative was not given');
  t.equal(refused(makeGenesis(sampleInput({ network: '' }), SEEDS)), 'genesis.network is not a text of 1 to 32 characters');
  t.equal(refused(makeGenesis(sampleInput({ priceSenPerBill: '0' }), SEEDS)), 'genesis priceSenPerBill is zero');
  const stray = makeGenesis(sampleInput({ tills: [{ tillNo: 1, merchant: accountOf('nobody'), publicKey: publicKeyOf('till') }] }), SEEDS);
  t.equal(refused(stray), 'genesis till 1: its merchant is not registered');
  t.end();
});

t.test('a changed registry is refused naming both state roots, a changed header naming both hashes', (t) => {
  const { text, genesisHash } = made();
  const root = String((JSON.parse(text) as Tree)['stateRoot']);
  const renamed = refusalOf(edited(text, (file) => {
    (file['farms'] as Tree[])[0] = { account: accountOf('farm'), name: 'Firm' };
  }));
  t.match(renamed, new RegExp(`^genesis\\.stateRoot is ${root}, the registries give [0-9a-f]{64}$`));
  const later = edited(text, (file) => {
    (file['checkpointKeys'] as Tree[])[0] = { publicKey: publicKeyOf('somebody') };
  });
  t.equal(refusalOf(later), undefined, 'a file may name another checkpoint key: it is another network');
  t.match(refusalOf(later, toHex(genesisHash)), new RegExp(`^genesis has the hash [0-9a-f]{64}, expected is ${toHex(genesisHash)}$`));
  t.equal(refusalOf(text, toHex(genesisHash).toUpperCase()), undefined);
  t.end();
});

t.test('any tampered byte is refused', (t) => {
  const { text, genesisHash } = made();
  const hash = toHex(genesisHash);
  let taken = 0;
  // Every seventh byte is enough to reach every field; each is replaced by a neighbour of its own kind.
  for (let at = 0; at < text.length; at += 7) {
    const byte = text.charCodeAt(at);
    const changed = text.slice(0, at) + String.fromCharCode(byte === 0x39 || byte === 0x7a ? byte - 1 : byte + 1) + text.slice(at + 1);
    const refusal = refusalOf(changed, hash);
    if (refusal === undefined || !refusal.startsWith('genesis')) taken++;
  }
  t.equal(taken, 0);
  t.equal(refusalOf(text.replace('\n', '\n\n'), hash), 'genesis is neither canonical JSON nor canonical JSON indented by two spaces');
  t.end();
});
