/** The registry at a height: the same answer while the chain goes on, after a restart, and from an index filled again. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { formatAddress, toHex, utf8 } from '@billcoin/protocol';
import { createClient, getRegistry, type Registry } from '@billcoin/sdk';
import { verifyDatabase } from '../../src/offline/verifyDb.ts';
import { loseRow, replaceValue } from '../support/damage.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, keyOf, makeTestFolders, TxMaker } from '../support/testNetwork.ts';

const NEW_FARM = keyOf('new farm');
const FAST = { minBlockIntervalMs: 0 };

/** What the test looks at, for people. */
function shown({ farms, plants, devices, meters, oracles, roles }: Registry): object {
  return {
    farms: farms.map(({ address, name, status }) => `${address === formatAddress(NEW_FARM.address) ? 'new' : 'old'} ${name} ${status}`).sort(), plants: plants.map(({ name, tollBps, status }) => `${name} ${tollBps} ${status}`),
    devices: devices.map(({ status, untilMs }) => `${status} ${untilMs}`), meters: meters.map(({ total }) => total), oracles: oracles.map(({ name, status }) => `${name} ${status}`), regulator: roles.regulator,
  };
}

t.test('each height has its registry, and every later question the same answer', async (t) => {
  const folders = await makeTestFolders({ params: FAST });
  t.teardown(folders.remove);
  const { config, genesis } = folders;
  const { timeMs, plants: [plant], devices: [device], meters: [meter] } = genesis.spec;
  if (plant === undefined || device === undefined || meter === undefined) throw new Error('the test network has a plant with its meter');
  const first = await runNode(config);
  t.teardown(() => first.stop());
  const maker = new TxMaker(genesis);
  const farm = (name: string, status: number): Uint8Array => maker.tx(KEYS.regulator, { case: 'registerFarm', value: { account: NEW_FARM.address, name, status } });
  const send = async (bytes: Uint8Array): Promise<number> => (await submitFinal(first.port, bytes)).height;
  const { account, name, status, ceilingMl, bondBps, profileHash } = plant;
  const untilMs = timeMs + 1_000;

  const farmAt = await send(farm('Farm 2', 1));
  const [open, attest] = maker.mint(10_000n);
  await send(open!);
  const mintedAt = await send(attest!);
  const plantAt = await send(maker.tx(KEYS.regulator, { case: 'registerPlant', value: { account, name, status, ceilingMl, tollBps: 100, bondBps, profileHash } }));
  const deviceAt = await send(maker.tx(KEYS.regulator, { case: 'revokeDevice', value: { device: device.device, fromMs: untilMs } }));
  const renamedAt = await send(farm('Farm two', 2));
  const statement = genesis.spec.oracles[0]!;
  const [, contrary] = maker.mint(9_999n);
  const oracleAt = await send(contrary!);
  const tip = first.port.tip().height;

  const before = { farms: ['old Farm active'], plants: ['Plant 0 active'], devices: [`active ${device.untilMs}`], meters: ['0.000'], oracles: [`${statement.name} active`], regulator: formatAddress(KEYS.regulator.address) };
  const withFarm = { ...before, farms: ['new Farm 2 active', 'old Farm active'] };
  const withTerms = { ...withFarm, plants: ['Plant 100 active'] };
  const withoutDevice = { ...withTerms, devices: [`revoked ${untilMs}`] };
  const renamed = { ...withoutDevice, farms: ['new Farm two suspended', 'old Farm active'] };
  const withoutOracle = { ...renamed, oracles: [`${statement.name} revoked`] };
  const expected: readonly (readonly [number, object])[] = [
    [0, before], [farmAt - 1, before], [farmAt, withFarm], [mintedAt, withFarm], [plantAt - 1, withFarm], [plantAt, withTerms], [deviceAt, withoutDevice], [renamedAt, renamed], [oracleAt - 1, renamed], [oracleAt, withoutOracle],
  ];
  const answers = new Map<number, Registry>();
  for (const [height, seen] of expected) {
    const answer = await getRegistry(createClient({ baseUrl: first.url }), { height });
    t.same([answer.height, shown(answer)], [height, seen], `at ${height}`);
    answers.set(height, answer);
  }
  t.equal(answers.get(0)?.timeMs, timeMs);
  t.equal(answers.get(plantAt)?.timeMs, (await first.port.readFinal(plantAt))?.timeMs, 'to the millisecond');
  t.same(shown(await getRegistry(createClient({ baseUrl: first.url }))), withoutOracle, 'the newest');
  await t.rejects(getRegistry(createClient({ baseUrl: first.url }), { height: tip + 1_000 }), { code: 'not_found' });
  await first.stop();

  const changes: readonly (readonly [string, () => Promise<void>])[] = [
    ['a restart', async () => undefined],
    ['the index lost', () => rm(join(config.dataDir, 'index'), { recursive: true })],
    ['the state lost', () => rm(join(config.dataDir, 'state'), { recursive: true })],
    ['an index of a release without registries', async () => {
      await loseRow(config.dataDir, 'index', 'i/reg/');
      await replaceValue(config.dataDir, 'index', 'm/version', () => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2));
    }],
  ];
  for (const [what, change] of changes) {
    await change();
    const node = await runNode(config);
    t.teardown(() => node.stop());
    for (const [height, answer] of answers) t.same(await getRegistry(createClient({ baseUrl: node.url }), { height }), answer, `${what}: at ${height}`);
    await node.stop();
    t.same(node.halts, [], what);
  }
  t.same((await verifyDatabase(config, genesis, () => undefined)).problems, []);
  const farmKey = Buffer.concat([utf8('i/reg/'), Uint8Array.of(0x08), NEW_FARM.address]).toString('latin1');
  await replaceValue(config.dataDir, 'index', farmKey, (row) => row.map((byte, at) => (at === row.length - 1 ? 3 : byte)));
  t.match((await verifyDatabase(config, genesis, () => undefined)).problems, [`the index has another registration 08${toHex(NEW_FARM.address)} of block ${farmAt}`], 'verify-db compares it with the blocks');
});

t.test('a chain without a block has the registry of its genesis', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(folders.remove);
  const node = await runNode({ ...folders.config });
  t.teardown(() => node.stop());
  const client = createClient({ baseUrl: node.url });
  t.match(await getRegistry(client, { height: 0 }), { height: 0, blockHash: '0'.repeat(64), timeMs: folders.genesis.spec.timeMs, farms: [{ name: 'Farm', status: 'active' }] });
});
