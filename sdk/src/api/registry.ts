/** The registry at the newest final block: what an oracle and a device gateway need. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { Address, closed, DeviceId, Hash, Height, Litres, PublicKey, RegistryStatus, Time } from './values.ts';

/** Times in milliseconds: a reading's own time is compared with them exactly. */
const timeMs = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const party = { address: Address, name: Type.String(), status: RegistryStatus };

export const Registry = closed({
  height: Height,
  blockHash: Hash,
  time: Time,
  devices: Type.Array(closed({
    device: DeviceId, alg: Type.Union([Type.Literal('ed25519'), Type.Literal('p256')]), publicKey: Type.String({ pattern: '^([0-9a-f]{64}|[0-9a-f]{66})$' }), owner: Address,
    site: Type.String({ pattern: '^([0-9a-f]{2}){1,16}$', description: 'Hex of the site id' }), fromMs: timeMs, untilMs: timeMs, calibration: DeviceId, calibratedUntilMs: timeMs, status: RegistryStatus,
  })),
  farms: Type.Array(closed(party)),
  plants: Type.Array(closed({
    ...party, ceiling: Litres, tollBps: Type.Integer(), bondBps: Type.Integer(), profileHash: Hash, bond: Litres, owed: Litres, available: Litres, openBatches: Type.Integer({ minimum: 0 }),
  })),
  meters: Type.Array(closed({ meter: DeviceId, plant: Address, total: Litres, opened: Litres })),
  oracles: Type.Array(closed({ ...party, publicKey: PublicKey })),
});
export type Registry = Static<typeof Registry>;

export const getRegistry = route({ method: 'GET', path: '/registry', summary: 'Devices, farms, plants, meters and oracles at the newest final block.', who: ['public'], responses: { 200: Registry } });
