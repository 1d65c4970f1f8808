/** The dairy of the devnet: three farms' milking devices, the plant's intake and custody meter, and the plant's software. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, fromBase64Url, loadGenesis, oracleQuorum, toHex, verifyEd25519, type Genesis } from '@billcoin/protocol';
import { addSignature, decodeTransaction, signTransfer, transactionText, type Key } from '@billcoin/sdk';
import { readCows, type Cow } from '../herd.ts';
import type { LotReport } from '../messages.ts';
import { DEVICES, FARMS, keyOf, pathsOf, type Paths } from '../network.ts';
import { publishBadReadings } from './badReadings.ts';
import { DeviceLine } from './deviceLine.ts';
import { keepLot } from './lotFile.ts';
import { mintLot, type Plant } from './lotOnChain.ts';
import { measureLot, type LotMeters, type LotReadings, type Parties } from './lotReadings.ts';
import { Meter } from './meter.ts';
import { runPart, type Part } from './part.ts';
import { balanceOf, inParallel, litresOf, mustSettle } from './settle.ts';

/** Readings are receipted within a second; a broker or an oracle that was killed needs some more. */
const RECEIPTS_PATIENCE_MS = 60_000;
/** Fee of a Transfer. */
const FEE_ML = 1n;

interface Desk {
  readonly part: Part;
  readonly plant: Plant;
  readonly parties: Parties;
  readonly farms: readonly Key[];
  readonly treasury: Key;
  readonly meters: LotMeters;
  readonly faulty: Meter;
  readonly cows: readonly Cow[];
}

function openGenesis(paths: Paths): Genesis {
  const loaded = loadGenesis(readFileSync(paths.genesis, 'utf8'), verifyEd25519);
  if (!loaded.ok) throw new Error(`${paths.genesis} is refused`);
  return loaded.value;
}

function openDesk(part: Part): Desk {
  const { config, genesisHash, client } = part;
  const paths = pathsOf(config.root);
  const folder = join(paths.root, 'dairy');
  mkdirSync(folder, { recursive: true });
  const genesis = openGenesis(paths);
  const meter = (name: string): Meter => {
    const device = DEVICES.find((entry) => entry.name === name);
    if (device === undefined) throw new Error(`${name} is no device`);
    return new Meter(paths, folder, device, genesisHash);
  };
  const meters = { milking: FARMS.map((no) => meter(`milking-${no}`)), intake: meter('intake'), filler: meter('filler') };
  const faulty = meter('faulty');
  const oracles = new Map(genesis.spec.oracles.map(({ publicKey }) => [toHex(addressOf(publicKey)), publicKey]));
  const devices = [...meters.milking, meters.intake, meters.filler, faulty].map(({ identity }) => identity.device);
  const line = new DeviceLine(`mqtt://127.0.0.1:${config.brokerPort}`, genesisHash, oracles, oracleQuorum(oracles.size), devices);
  const key = keyOf(paths, 'plant');
  const farms = FARMS.map((no) => keyOf(paths, `farm-${no}`));
  return {
    part, farms, meters, faulty, treasury: keyOf(paths, 'treasury'),
    plant: { client, genesis, line, key, meter: meters.filler.identity.device },
    parties: { farms: farms.map(({ address }) => address), plant: key.address, plantSeed: key.exportSeed(), genesisHash },
    cows: readCows(readFileSync(new URL('../../../data/braunvieh/cows.csv', import.meta.url), 'utf8')),
  };
}

function publishLot({ plant, faulty }: Desk, lot: LotReadings, nowMs: number): void {
  const [first] = lot.messages;
  for (const { meter, readings } of lot.messages) plant.line.send(meter.message(readings));
  if (first !== undefined) publishBadReadings(plant.line, faulty, first.meter.message(first.readings), nowMs);
}

async function produce(desk: Desk, day: number): Promise<LotReport> {
  const { part, plant, meters, parties, cows } = desk;
  const lot = `D${String(day).padStart(5, '0')}`;
  const nowMs = Date.now();
  const totalFrom = meters.filler.state.totalMl;
  const measured = measureLot(meters, parties, cows, day, lot, nowMs);
  const readings = measured.messages.flatMap((message) => message.readings);
  keepLot(part.config.root, lot, readings.map(({ bytes }) => bytes));
  publishLot(desk, measured, nowMs);
  await plant.line.stored(RECEIPTS_PATIENCE_MS);
  part.say(`day ${day}: ${readings.length} readings of ${measured.cows} cows are on disk at the oracles; lot ${lot} is opened`);
  const batch = await mintLot(plant, { text: lot, readings, filledMl: measured.filledMl, totalFrom, totalTo: meters.filler.state.totalMl });
  const { cows: cowCount, dailyG, milkedMl, filledMl } = measured;
  return { day, lot, batchKey: batch.batchKey, cows: cowCount, dailyG, milkedMl, filledMl, mintedMl: Number(litresOf(batch.issued)) };
}

/** Farms and plant sell all they have to the treasury. */
async function sell({ part, plant, farms, treasury }: Desk): Promise<{ readonly soldMl: number }> {
  const sold = await inParallel([...farms, plant.key], farms.length + 1, async (key) => {
    const balanceMl = await balanceOf(part.as(key), key.addressText);
    if (balanceMl <= FEE_ML) return 0n;
    const amountMl = balanceMl - FEE_ML;
    await mustSettle(part.client, signTransfer({ genesisHash: part.genesisHash, to: treasury.address, amountMl, feeMl: FEE_ML }, key));
    return amountMl;
  });
  return { soldMl: Number(sold.reduce((sum, amountMl) => sum + amountMl, 0n)) };
}

/** The plant signs a delivery note; which batch, how much and whose it is, the chain checks. */
function cosign({ part, plant }: Desk, text: string): { readonly tx: string } {
  const opened = decodeTransaction(part.genesisHash, fromBase64Url(text) ?? new Uint8Array());
  if (!opened.ok || opened.value.body.kind.case !== 'redeem') throw new Error('the plant signs delivery notes and nothing else');
  return { tx: transactionText(addSignature(opened.value.draft, plant.key)) };
}

await runPart<'dairy'>((part) => {
  const desk = openDesk(part);
  return Promise.resolve({
    handlers: {
      produce: ({ day }) => produce(desk, day),
      sell: () => sell(desk),
      cosign: ({ tx }) => Promise.resolve(cosign(desk, tx)),
    },
    stop: () => desk.plant.line.close(),
  });
});
