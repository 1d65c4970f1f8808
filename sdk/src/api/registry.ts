/** The registries after a final block: what oracles judge by, and what device gateways need. Terms and status; litres and bonds are in /reserve. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { Address, closed, DeviceId, Hash, Height, Litres, PublicKey, RegistryStatus } from './values.ts';

/** Times here are in milliseconds: a reading's own time is compared with them exactly. */
const timeMs = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const party = { address: Address, name: Type.String(), status: RegistryStatus };

export const Registry = closed({
  height: Height,
  blockHash: Hash,
  /** Of the block; of genesis at height 0, whose block hash is zeros. */
  timeMs,
  roles: closed({ regulator: Address, campusAuthority: Address, treasury: Address }),
  devices: Type.Array(closed({
    device: DeviceId, alg: Type.Union([Type.Literal('ed25519'), Type.Literal('p256')]), publicKey: Type.String({ pattern: '^([0-9a-f]{64}|[0-9a-f]{66})$' }), owner: Address,
    site: Type.String({ pattern: '^([0-9a-f]{2}){1,16}$', description: 'Hex of the site id' }), fromMs: timeMs, untilMs: timeMs, calibration: DeviceId, calibratedUntilMs: timeMs, status: RegistryStatus,
  })),
  farms: Type.Array(closed(party)),
  plants: Type.Array(closed({
    ...party, ceiling: Litres, tollBps: Type.Integer(), bondBps: Type.Integer(), profileHash: Hash,
  })),
  meters: Type.Array(closed({ meter: DeviceId, plant: Address, total: Litres })),
  oracles: Type.Array(closed({ ...party, publicKey: PublicKey })),
  reporters: Type.Array(closed(party)),
});
export type Registry = Static<typeof Registry>;

export const getRegistry = route({
  method: 'GET',
  path: '/registry',
  summary: 'Devices, farms, plants, meters, oracles, price reporters and roles as they stood after a final block: terms and status. The same answer for a height whenever it is asked.',
  who: ['public'],
  query: closed({ height: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'A final height; 0 for genesis, the newest unless given' })) }),
  responses: { 200: Registry },
  etag: true,
  problems: ['not_found', 'pruned'],
});
