/** A genesis file is loaded whole or refused with the path of what is wrong; its hash and root come from its text alone. */
import t from 'tap';
import { canonicalJson, genesisRows, genesisStateRoot, genesisTip, gentxBytes, loadGenesis, makeChain, parseGenesisJson, prettyCanonicalJson, signEd25519, StateTree, toHex, type Json, type GenesisSpec } from '../../src/index.ts';
import { genesisJson, KEYS, keyOf, specOf, verifyFast } from '../support/world.ts';

type Tree = { [key: string]: Json };
const spec = specOf();
const good = genesisJson(spec) as Tree;
const copy = (): Tree => JSON.parse(JSON.stringify(good)) as Tree;

/** "path why" of the refusal, or 'ok'. */
function verdict(text: string): string {
  const loaded = loadGenesis(text, verifyFast);
  if (loaded.ok) return 'ok';
  return loaded.fault.code === 'malformed' ? `${loaded.fault.path} ${loaded.fault.why}` : loaded.fault.code;
}
const verdictOf = (json: Json): string => verdict(prettyCanonicalJson(json));

/** The file of a spec whose root and proofs fit: what a dishonest maker would hand out. */
function forged(over: Partial<GenesisSpec>): string {
  const changed = { ...spec, ...over };
  const validators = changed.validators.map((validator) => ({ ...validator, proof: signEd25519(KEYS.validator.seed, gentxBytes(changed.network, validator)) }));
  const whole = { ...changed, validators };
  const rows = genesisRows(whole).map((row) => row.type.name + row.id);
  // A state with a row twice has no root at all.
  return verdictOf(genesisJson(new Set(rows).size === rows.length ? { ...whole, stateRoot: genesisStateRoot(whole) } : whole));
}

/** Every value of the file with its path; a way to change it. */
function* leaves(value: Json, path: string, set: (value: Json | undefined) => void): Generator<{ path: string; value: Json; set(value: Json | undefined): void }> {
  if (path !== 'genesis') yield { path, value, set };
  if (value === null || typeof value !== 'object') return;
  if (Array.isArray(value)) {
    for (const [index, item] of (value as Json[]).entries()) yield* leaves(item, `${path}[${index}]`, (changed) => { (value as Json[])[index] = changed ?? null; });
    return;
  }
  const record = value as Tree;
  for (const key of Object.keys(record)) {
    yield* leaves(record[key] as Json, `${path}.${key}`, (changed) => {
      if (changed === undefined) delete record[key];
      else record[key] = changed;
    });
  }
}

const paths = [...leaves(copy(), 'genesis', () => undefined)].map((leaf) => leaf.path);
const leafAt = (json: Tree, path: string): { value: Json; set(value: Json | undefined): void } => [...leaves(json, 'genesis', () => undefined)].find((leaf) => leaf.path === path) ?? t.bailout(path) as never;

t.test('the sample is accepted, in both of its texts', (t) => {
  t.equal(verdictOf(good), 'ok');
  t.equal(verdict(canonicalJson(good)), 'ok');
  const pretty = loadGenesis(prettyCanonicalJson(good), verifyFast);
  const dense = loadGenesis(canonicalJson(good), verifyFast);
  if (!pretty.ok || !dense.ok) throw new Error('refused');
  t.same(dense.value.genesisHash, pretty.value.genesisHash, 'the hash is of the canonical text');
  t.equal(pretty.value.chainId, `bill-test-${toHex(pretty.value.genesisHash).slice(0, 8)}`);
  t.same(pretty.value.chainTag, pretty.value.genesisHash.slice(0, 8));
  t.same(pretty.value.validators, { validators: [{ publicKey: KEYS.validator.publicKey, power: 1 }] });
  const tip = genesisTip(makeChain(pretty.value, verifyFast, new StateTree()), pretty.value);
  t.equal(tip.state.size, genesisRows(spec).length);
  t.equal(tip.height, 0);
  t.end();
});

t.test('each value of another type, each missing and each unknown one is refused with its path', (t) => {
  let checked = 0;
  for (const path of paths) {
    const wrongType = copy();
    const leaf = leafAt(wrongType, path);
    leaf.set(typeof leaf.value === 'string' ? 7 : 'wrong');
    const said = verdictOf(wrongType);
    if (!said.startsWith(`${path} is not `) && !said.startsWith(`${path} is neither `)) t.fail(`${path}: ${said}`);
    if (!path.endsWith(']')) {
      const missing = copy();
      leafAt(missing, path).set(undefined);
      if (verdictOf(missing) !== `${path} is missing`) t.fail(`${path}: ${verdictOf(missing)}`);
    }
    if (typeof leaf.value === 'object' && !Array.isArray(leaf.value)) {
      const more = copy();
      (leafAt(more, path).value as Tree)['colour'] = 1;
      if (verdictOf(more) !== `${path}.colour is not a known field`) t.fail(`${path}: ${verdictOf(more)}`);
    }
    checked += 1;
  }
  t.equal(verdictOf({ ...good, colour: 1 }), 'genesis.colour is not a known field');
  t.equal(verdictOf([]), 'genesis is not an object');
  t.ok(checked > 90, `${checked} values`);
  t.end();
});

t.test('values outside their bounds are refused with their path', (t) => {
  const cases: readonly [string, Json, string][] = [
    ['format', 2, 'is not an integer from 1 to 1'], ['network', '', 'is not a text of 1 to 32 characters'], ['network', 'x'.repeat(33), 'is not a text of 1 to 32 characters'], ['network', 'a\u202eb', 'has characters that are not allowed in a name'],
    ['network', 'é'.repeat(17), 'has 34 bytes, not 1 to 32'], ['timeMs', 1_780_000_000, 'is not an integer from 1577836800000 to 4102444800000'], ['priceSenPerBill', '06', 'is not a decimal string of base units'],
    ['priceSenPerBill', '9007199254740992', 'is above 9007199254740991'], ['params.bandBps', 1_001, 'is 1001, not an integer from 0 to 1000'], ['params.supplyCapMl', '0', 'is 0, not from 1 to 9007199254740991'],
    ['params.precisionMs', 0, 'is 0, not an integer from 1 to 10000'], ['params.headerVersion', 2, 'is 2, not an integer from 1 to 1'], ['roles.regulator', 'bill1qqqq', 'is not an address (bill1…)'],
    ['validators[0].publicKey', 'ab', 'is not lower-case hex of 32 bytes'], ['validators[0].name', 'Uni\u0000', 'has characters that are not allowed in a name'], ['validators[0].active', 1, 'is neither true nor false'],
    ['merchants[1].name', 'é'.repeat(40), 'has 80 bytes, not 1 to 64'], ['merchants[0].name', '', 'is not a text of 1 to 64 characters'], ['tills[2].tillNo', 0, 'is not an integer from 1 to 4294967295'],
    ['farms[0].name', '\ud800', 'has characters that are not allowed in a name'], ['plants[0].tollBps', 10_001, 'is not an integer from 0 to 10000'], ['plants[0].ceilingMl', '9007199254740993', 'is above 9007199254740991'],
    ['plants[0].name', 'line\nline', 'has characters that are not allowed in a name'], ['devices[0].site', 'Plant 1', 'is not 1 to 16 of a-z, 0-9 and -'], ['devices[0].alg', 3, 'is not an integer from 1 to 2'],
    ['devices[0].untilMs', 0, 'is not an integer from 1577836800000 to 4102444800000'], ['meters[0].total', '-1', 'is not a decimal string of base units'], ['oracles[3].name', '\u200e', 'has characters that are not allowed in a name'],
    ['stateRoot', '00', 'is not lower-case hex of 32 bytes'], ['validators', [], 'is not a list of 1 to 50 items'], ['checkpointKeys', [], 'is not a list of 1 to 50 items'],
  ];
  for (const [path, value, why] of cases) {
    const json = copy();
    leafAt(json, `genesis.${path}`).set(value);
    t.equal(verdictOf(json), `genesis.${path} ${why}`);
  }
  t.end();
});

t.test('a root that does not come out is named beside the one that does', (t) => {
  const root = toHex(spec.stateRoot);
  t.equal(verdictOf({ ...copy(), stateRoot: 'ee'.repeat(32) }), `genesis.stateRoot is ${'ee'.repeat(32)}, the registries give ${root}`);
  for (const [path, value] of [['priceSenPerBill', '601'], ['params.minFeeMl', '2'], ['merchants[0].name', 'Canteen'], ['meters[0].total', '5'], ['plants[0].tollBps', 5_334], ['tills[0].tillNo', 9], ['roles.treasury', (copy()['roles'] as Tree)['regulator']]] as const) {
    const json = copy();
    leafAt(json, `genesis.${path}`).set(value as Json);
    t.match(verdictOf(json), new RegExp(`^genesis.stateRoot is ${root}, the registries give [0-9a-f]{64}$`), path);
  }
  t.end();
});

t.test('a validator proves that it holds its key, for this network and this entry', (t) => {
  const refusal = 'genesis validator Uni: the proof of possession does not verify';
  for (const [path, value] of [['network', 'bill-test-2'], ['validators[0].account', (copy()['roles'] as Tree)['regulator']], ['validators[0].active', false], ['validators[0].publicKey', toHex(keyOf('other').publicKey)], ['validators[0].proof', '00'.repeat(64)]] as const) {
    const json = copy();
    leafAt(json, `genesis.${path}`).set(value as Json);
    t.equal(verdictOf(json), path.endsWith('active') ? 'genesis validators: none is active' : refusal, path);
  }
  const renamed = copy();
  leafAt(renamed, 'genesis.validators[0].name').set('Unu');
  t.equal(verdictOf(renamed), refusal.replace('Uni', 'Unu'));
  const smallOrder = copy();
  leafAt(smallOrder, 'genesis.validators[0].publicKey').set(`01${'00'.repeat(31)}`);
  t.equal(verdictOf(smallOrder), 'genesis validator Uni: the key is not a valid Ed25519 key');
  t.end();
});

t.test('registries name each thing once and only things that are there', (t) => {
  const [merchant, till, farm, plant, device, meter, oracle] = [spec.merchants[0], spec.tills[0], spec.farms[0], spec.plants[0], spec.devices[0], spec.meters[0], spec.oracles[0]];
  const twice = 'genesis a registry names the same id twice';
  t.equal(forged({}), 'ok');
  t.equal(forged({ merchants: [...spec.merchants, { ...merchant!, name: 'Again' }] }), twice);
  t.equal(forged({ tills: [...spec.tills, { ...till!, publicKey: keyOf('x').publicKey }] }), twice);
  t.equal(forged({ farms: [...spec.farms, farm!] }), twice);
  t.equal(forged({ plants: [...spec.plants, plant!] }), twice);
  t.equal(forged({ devices: [...spec.devices, device!] }), twice);
  t.equal(forged({ meters: [...spec.meters, meter!] }), twice);
  t.equal(forged({ oracles: [...spec.oracles, { ...oracle!, name: 'Again' }] }), twice);
  const entries = copy()['validators'] as Tree[];
  t.equal(verdictOf({ ...copy(), validators: [...entries, ...entries] }), 'genesis validators: a key stands twice');
  t.equal(verdictOf({ ...copy(), params: { ...(copy()['params'] as Tree), stakeMaxMl: '99999' } }), 'genesis params.stakeMinMl is above stakeMaxMl');
  t.equal(forged({ tills: [{ ...till!, merchant: KEYS.vet.address }] }), 'genesis till 1: its merchant is not registered');
  t.equal(forged({ meters: [{ ...meter!, plant: KEYS.vet.address }] }), `genesis meter ${'51'.repeat(16)}: its plant or device is not registered`);
  t.equal(forged({ meters: [{ ...meter!, meter: new Uint8Array(16) }] }), `genesis meter ${'00'.repeat(16)}: its plant or device is not registered`);
  t.equal(forged({ devices: [{ ...device!, alg: 2 }] }), `genesis device ${'51'.repeat(16)}: the key is not a valid key of alg 2`);
  t.equal(forged({ devices: [{ ...device!, publicKey: new Uint8Array(33) }] }), `genesis device ${'51'.repeat(16)}: the key is not a valid key of alg 1`);
  t.equal(forged({ devices: [{ ...device!, alg: 2, publicKey: Uint8Array.of(4, ...new Uint8Array(32).fill(2)) }] }), `genesis device ${'51'.repeat(16)}: the key is not a valid key of alg 2`, 'no point of the curve');
  t.equal(forged({ devices: [{ ...device!, untilMs: device!.fromMs }] }), `genesis device ${'51'.repeat(16)}: untilMs is not above fromMs`);
  t.equal(forged({ tills: [{ ...till!, publicKey: new Uint8Array(32) }] }), 'genesis till 1: the key is not a valid Ed25519 key');
  t.equal(forged({ oracles: [{ ...oracle!, publicKey: new Uint8Array(32) }] }), 'genesis oracle Oracle 1: the key is not a valid Ed25519 key');
  t.equal(forged({ reporters: [...spec.reporters, { ...spec.reporters[0]!, name: 'Again' }] }), twice);
  t.equal(verdictOf({ ...copy(), priceSenPerBill: '0' }), 'genesis priceSenPerBill is zero');
  t.equal(forged({ merchants: [], tills: [], farms: [], plants: [], devices: [], meters: [], oracles: [], reporters: [] }), 'ok', 'registries may be empty');
  t.end();
});

t.test('a genesis has two texts and no third', (t) => {
  const form = 'genesis is neither canonical JSON nor canonical JSON indented by two spaces';
  const pretty = prettyCanonicalJson(good);
  t.equal(verdict(pretty.replace('"format": 1', '"format": 1.0')), form, 'a number in another form');
  t.equal(verdict(pretty.replace('"format": 1', '"format": 1,\n  "format": 1')), form, 'a key twice');
  t.equal(verdict(pretty.replace('"network": "bill-test"', '"network": "other",\n  "network": "bill-test"')), form, 'a key twice, the first with another value');
  t.equal(verdict(pretty.replace('bill-test', 'bill\\u002dtest')), form, 'an escape that is not needed');
  t.equal(verdict(JSON.stringify(good)), form, 'keys not sorted');
  t.equal(verdict(pretty.replaceAll('\n', '\r\n')), form, 'other line ends');
  t.equal(verdict(`\n${pretty}`), form);
  t.equal(verdict(`${canonicalJson(good)}\n`), form, 'the canonical text has no line end');
  t.equal(verdict(`${pretty}\n`), form, 'the other has one');
  t.match(verdict(`\ufeff${pretty}`), /^genesis is not JSON/);
  t.match(verdict('{'), /^genesis is not JSON/);
  t.equal(verdict(' '.repeat(4_194_305)), 'genesis has 4194305 characters, the limit is 4194304');
  const parsed = parseGenesisJson(pretty);
  t.equal(parsed.ok && parsed.value.canonical, canonicalJson(good));
  t.end();
});

t.test('the hash is of every byte of the file: what no row holds too', (t) => {
  const hashOf = (json: Json): string => {
    const loaded = loadGenesis(prettyCanonicalJson(json), verifyFast);
    if (!loaded.ok) throw new Error(verdictOf(json));
    return toHex(loaded.value.genesisHash);
  };
  const hashes = [hashOf(good), hashOf({ ...copy(), checkpointKeys: [{ publicKey: '11'.repeat(32) }] }), hashOf({ ...copy(), checkpointKeys: [{ publicKey: '12'.repeat(32) }] })];
  t.equal(new Set(hashes).size, 3);
  t.end();
});
