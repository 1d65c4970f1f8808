/** /merchants, /tills and /registry: who may take part, as the chain holds it now or held it at a height. */
import { assert, bytesOfHex, formatAddress, formatLitres, parseAddress, ROLE, roleId, ROWS, stateRows, tillId, toHex, type FlatState, type RowType, type View } from '@billcoin/protocol';
import { ROUTES, type Merchant, type MerchantDetail, type Registry, type RegistryStatus, type Till } from '@billcoin/sdk';
import type { ChainPort, RegistryAt } from '../../ports.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, pageOf } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import type { IndexedRow, RegistryIndex } from '../registryIndex.ts';

/** Form of an address in a cursor. */
export const ADDRESS = /^bill1[02-9ac-hj-np-z]{38}$/;

/** Rows of one registry that exist now, in the order of the index. */
export function rowsOf<V>(view: View, index: RegistryIndex, name: IndexedRow): readonly { readonly id: string; readonly row: V }[] {
  return index.ids(name).flatMap((id) => {
    const row = view.get(ROWS[name] as never, id) as V | undefined;
    return row === undefined ? [] : [{ id, row }];
  });
}

export function statusName(status: number): RegistryStatus {
  if (status === stateRows.ACTIVE) return 'active';
  return status === stateRows.SUSPENDED ? 'suspended' : 'revoked';
}

function merchantView({ account, name, status }: stateRows.MerchantRow): Merchant {
  return { merchantId: formatAddress(account), name, status: statusName(status) };
}

function merchantDetail(chain: ChainPort, index: RegistryIndex, merchantId: string): MerchantDetail | undefined {
  const address = parseAddress(merchantId);
  const row = address === undefined ? undefined : chain.state().get(ROWS.merchant, toHex(address));
  if (row === undefined) return undefined;
  const tills = rowsOf<stateRows.TillRow>(chain.state(), index, 'till').filter((till) => formatAddress(till.row.merchant) === merchantId);
  return { ...merchantView(row), tills: tills.map(({ row: till }) => ({ tillNo: till.tillNo, publicKey: toHex(till.publicKey), status: statusName(till.status) })), height: chain.tip().height };
}

function tillView(chain: ChainPort, tillNo: number): Till | undefined {
  const till = chain.state().get(ROWS.till, tillId(tillNo));
  const merchant = till === undefined ? undefined : chain.state().get(ROWS.merchant, toHex(till.merchant));
  if (till === undefined || merchant === undefined) return undefined;
  return {
    tillNo, merchantId: formatAddress(till.merchant), merchantName: merchant.name, merchantStatus: statusName(merchant.status), publicKey: toHex(till.publicKey), status: statusName(till.status),
    height: chain.tip().height,
  };
}

type Party = Registry['farms'][number];

function partyView({ account, name, status }: stateRows.FarmRow): Party {
  return { address: formatAddress(account), name, status: statusName(status) };
}

function plantView({ account, name, status, ceilingMl, tollBps, bondBps, profileHash }: stateRows.PlantRow): Registry['plants'][number] {
  return { ...partyView({ account, name, status }), ceiling: formatLitres(ceilingMl), tollBps, bondBps, profileHash: toHex(profileHash) };
}

function deviceView({ device, alg, publicKey, owner, site, fromMs, untilMs, calibration, calibratedUntilMs, status }: stateRows.DeviceRow): Registry['devices'][number] {
  return {
    device: toHex(device), alg: alg === 1 ? 'ed25519' : 'p256', publicKey: toHex(publicKey), owner: formatAddress(owner), site: toHex(site), fromMs, untilMs,
    calibration: toHex(calibration), calibratedUntilMs, status: statusName(status),
  };
}

function holderOf(state: FlatState, role: number): string {
  const row = state.get(ROWS.role, roleId(role));
  assert(row !== undefined, 'every role has an account since genesis');
  return formatAddress(row.address);
}

function registryView({ height, blockId, timeMs, state }: RegistryAt): Registry {
  const each = <V, T>(type: RowType<V>, view: (row: V, id: string) => T): T[] => [...state.rows(type)].map(({ id, value }) => view(value, id));
  return {
    height, blockHash: toHex(blockId), timeMs,
    roles: { regulator: holderOf(state, ROLE.regulator), campusAuthority: holderOf(state, ROLE.campusAuthority), treasury: holderOf(state, ROLE.treasury) },
    devices: each(ROWS.device, deviceView), farms: each(ROWS.farm, partyView), plants: each(ROWS.plant, plantView), reporters: each(ROWS.reporter, partyView),
    meters: each(ROWS.meter, ({ meter, plant, total }) => ({ meter: toHex(meter), plant: formatAddress(plant), total: formatLitres(total) })),
    oracles: each(ROWS.oracle, ({ publicKey, name, status }, id) => ({ address: addressText(id), name, status: statusName(status), publicKey: toHex(publicKey) })),
  };
}

type At = typeof ROUTES.getRegistry;

/** A registry at a height that was asked for never changes again. */
async function getRegistry(chain: ChainPort, { query }: ApiRequest<At>): Promise<Reply<At>> {
  const { height = chain.tip().height } = query;
  if (height > chain.tip().height) return { problem: 'not_found', detail: `Block ${height} is not final yet; the newest is ${chain.tip().height}.` };
  const found = await chain.registryAt(height);
  if (found === undefined) return { problem: 'pruned' };
  const body = registryView(found);
  return query.height === undefined ? { status: 200, body } : { status: 200, body, immutable: `registry-${body.blockHash}` };
}

/** Address of a row that is keyed by it. */
export function addressText(idHex: string): string {
  return formatAddress(bytesOfHex(idHex));
}

type List = typeof ROUTES.listMerchants;

function listMerchants(chain: ChainPort, index: RegistryIndex, { query }: ApiRequest<List>): Reply<List> {
  const { limit = LIMIT_DEFAULT, cursor } = query;
  const after = cursor === undefined ? undefined : fromCursor(cursor, ADDRESS);
  if (cursor !== undefined && after === undefined) return badCursor;
  const merchants = rowsOf<stateRows.MerchantRow>(chain.state(), index, 'merchant').map(({ row }) => merchantView(row));
  return { status: 200, body: pageOf(merchants, ({ merchantId }) => merchantId, limit, after) };
}

export function registryRoutes(chain: ChainPort, index: RegistryIndex): readonly Entry[] {
  return [
    serve(ROUTES.listMerchants, async (request) => listMerchants(chain, index, request)),
    serve(ROUTES.getMerchant, async ({ params }) => {
      const found = merchantDetail(chain, index, params.merchantId);
      return found === undefined ? { problem: 'not_found' } : { status: 200, body: found };
    }),
    serve(ROUTES.getTill, async ({ params }) => {
      const found = tillView(chain, params.tillNo);
      return found === undefined ? { problem: 'not_found' } : { status: 200, body: found };
    }),
    serve(ROUTES.getRegistry, (request) => getRegistry(chain, request)),
  ];
}
