/** Vectors of the genesis file: text → hash, first state and root, and changed files with their refusal. */
import { canonicalJson, encodeChange, genesisRows, loadGenesis, prettyCanonicalJson, toHex, verifyEd25519, type Json } from '@billcoin/protocol';
import { SAMPLE_SEED, sampleGenesis } from './sampleChain.ts';

type Tree = { [key: string]: Json };

function accepted(title: string, text: string): object {
  const loaded = loadGenesis(text, verifyEd25519);
  if (!loaded.ok) throw new Error(`${title}: ${loaded.fault.code}`);
  const { genesisHash, chainId, spec } = loaded.value;
  const rows = genesisRows(spec).map(encodeChange).map(({ key, value }) => ({ key: toHex(key), value: toHex(value ?? new Uint8Array(0)) }));
  rows.sort((a, b) => (a.key < b.key ? -1 : 1));
  return { title, input: { text }, output: { genesisHash: toHex(genesisHash), chainId, chainTag: toHex(loaded.value.chainTag), stateRoot: toHex(spec.stateRoot), rows } };
}

function refused(title: string, text: string): object {
  const loaded = loadGenesis(text, verifyEd25519);
  if (loaded.ok || loaded.fault.code !== 'malformed') throw new Error(`${title} is not refused as malformed`);
  return { title, input: { text }, output: loaded.fault };
}

/** The JSON text of protocol/vectors/genesis.json; the same text on every run. */
export function makeGenesisVectors(): string {
  const text = sampleGenesis();
  const json = JSON.parse(text) as Tree;
  const changed = (over: Tree): string => prettyCanonicalJson({ ...json, ...over });
  const [validator] = json['validators'] as Tree[];
  const [merchant] = json['merchants'] as Tree[];
  return `${JSON.stringify({
    title: 'Genesis',
    summary: 'A genesis file, its hash = SHA-256("bill/genesis/1" || 00 || canonical text), and the rows of the first state in order of their keys, whose tree gives stateRoot. '
      + 'Then files that must be refused, with the path of what is wrong. Keys, values and hashes are hex.',
    seed: SAMPLE_SEED,
    cases: [
      accepted('the file with two spaces of indent', text),
      accepted('the same genesis as canonical JSON: the same hash', canonicalJson(json)),
      refused('keys in another order', JSON.stringify(Object.fromEntries(Object.entries(json).reverse()))),
      refused('a key twice', text.replace('"format": 1,', '"format": 1,\n  "format": 1,')),
      refused('an unknown key', changed({ colour: 'white' })),
      refused('another price than the root was made with', changed({ priceSenPerBill: '601' })),
      refused('another network than the proofs were made for', changed({ network: 'bill-other' })),
      refused('a merchant twice', changed({ merchants: [merchant ?? null, merchant ?? null] })),
      refused('a name that lies on a screen', changed({ merchants: [{ ...merchant, name: 'Cafe\u202eteria' }] })),
      refused('a validator without a proof', changed({ validators: [{ ...validator, proof: '00'.repeat(64) }] })),
      refused('a time in seconds', changed({ timeMs: 1_780_000_000 })),
    ],
  }, undefined, 2)}\n`;
}
