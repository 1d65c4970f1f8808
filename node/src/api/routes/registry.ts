/** /merchants, /tills and /registry: who may take part, as the chain holds it. */
import { formatAddress, formatLitres, parseAddress, ROWS, stateRows, tillId, toHex, type View } from '@billcoin/protocol';
import { ROUTES, type Merchant, type MerchantDetail, type Registry, type RegistryStatus, type Till } from '@billcoin/sdk';
import type { ChainPort } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, pageOf } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import type { RegistryIndex } from '../registryIndex.ts';

/** Form of an address in a cursor. */
export const ADDRESS = /^bill1[02-9ac-hj-np-z]{38}$/;

/** Rows of one registry that exist now, in the order of the index. */
export function rowsOf<V>(view: View, index: RegistryIndex, name: 'merchant' | 'till' | 'farm' | 'plant' | 'device' | 'meter' | 'oracle' | 'validator' | 'batch'): readonly { readonly id: string; readonly row: V }[] {
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

function plantView({ account, name, status, ceilingMl, tollBps, bondBps, profileHash, bondMl, owedMl, availableMl, openBatches }: stateRows.PlantRow): Registry['plants'][number] {
  return {
    address: formatAddress(account), name, status: statusName(status), ceiling: formatLitres(ceilingMl), tollBps, bondBps, profileHash: toHex(profileHash),
    bond: formatLitres(bondMl), owed: formatLitres(owedMl), available: formatLitres(availableMl), openBatches,
  };
}

function deviceView({ device, alg, publicKey, owner, site, fromMs, untilMs, calibration, calibratedUntilMs, status }: stateRows.DeviceRow): Registry['devices'][number] {
  return {
    device: toHex(device), alg: alg === 1 ? 'ed25519' : 'p256', publicKey: toHex(publicKey), owner: formatAddress(owner), site: toHex(site), fromMs, untilMs,
    calibration: toHex(calibration), calibratedUntilMs, status: statusName(status),
  };
}

function registryView(chain: ChainPort, index: RegistryIndex): Registry {
  const view = chain.state();
  const { height, blockId, timeMs } = chain.tip();
  return {
    height, blockHash: toHex(blockId), time: rfc3339(timeMs),
    devices: rowsOf<stateRows.DeviceRow>(view, index, 'device').map(({ row }) => deviceView(row)),
    farms: rowsOf<stateRows.FarmRow>(view, index, 'farm').map(({ row: { account, name, status } }) => ({ address: formatAddress(account), name, status: statusName(status) })),
    plants: rowsOf<stateRows.PlantRow>(view, index, 'plant').map(({ row }) => plantView(row)),
    meters: rowsOf<stateRows.MeterRow>(view, index, 'meter').map(({ row: { meter, plant, total, opened } }) => ({ meter: toHex(meter), plant: formatAddress(plant), total: formatLitres(total), opened: formatLitres(opened) })),
    oracles: rowsOf<stateRows.OracleRow>(view, index, 'oracle').map(({ id, row: { publicKey, name, status } }) => ({ address: addressText(id), name, status: statusName(status), publicKey: toHex(publicKey) })),
  };
}

/** Address of a row that is keyed by it. */
export function addressText(idHex: string): string {
  return formatAddress(Uint8Array.from(Buffer.from(idHex, 'hex')));
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
    serve(ROUTES.getRegistry, async () => ({ status: 200, body: registryView(chain, index) })),
  ];
}
