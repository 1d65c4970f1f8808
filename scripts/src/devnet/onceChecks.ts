/** Collects the figures of a finished day and runs every check on them. */
import { readGenesis } from '@billcoin/node';
import type { Genesis } from '@billcoin/protocol';
import { getStatus, type Client } from '@billcoin/sdk';
import { paymentsInBlocks, readCard, readExport, readMilk } from './audit.ts';
import { checkAudit, checkCoupons, checkExport, checkMinted, checkOnce, checkReserve, checkTills, type Check } from './checks.ts';
import type { Call, LotReport, Purchase } from './messages.ts';
import { keyOf, STUDENTS, studentName, type Paths } from './network.ts';
import { recordedFillMl } from './parts/lotFile.ts';
import { inParallel } from './parts/settle.ts';
import { readPurchases } from './purchaseBook.ts';
import type { Tally } from './tally.ts';

const AT_ONCE = 8;

export interface FinishedDay {
  /** Nobody is logged in with it: what is public needs no login, and takes from nobody's requests. */
  readonly client: Client;
  readonly finance: Client;
  readonly call: Call;
  readonly paths: Paths;
  readonly tally: Tally;
  readonly lot: LotReport;
  /** Height before the day. */
  readonly startHeight: number;
}

const monthOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 7);

/** Exports of every month the day touched, against all that the wallets ever paid in them. */
async function checkExports(client: Client, genesis: Genesis, today: readonly Purchase[], all: readonly Purchase[]): Promise<readonly Check[]> {
  const months = [...new Set(today.map(({ timeMs }) => monthOf(timeMs)))];
  const checks = await inParallel(months, 1, async (month) => {
    const { sales, ...audited } = await readExport(client, genesis, month);
    return [checkExport(all.filter(({ timeMs }) => monthOf(timeMs) === month), sales), checkAudit(audited)];
  });
  return checks.flat();
}

export async function checkDay({ client, finance, call, paths, tally, lot, startHeight }: FinishedDay): Promise<readonly Check[]> {
  const { open } = await call('cafeteria', 'settled', {});
  const students = Array.from({ length: STUDENTS }, (_, student) => student);
  const cards = await inParallel(students, AT_ONCE, (student) => readCard(finance, keyOf(paths, studentName(student)).addressText));
  const { height } = await getStatus(client);
  // Payments of an earlier run that these wallets only now heard of stand in earlier blocks.
  const purchases = tally.purchases.filter((purchase) => purchase.height > startHeight);
  return [
    checkMinted(lot, recordedFillMl(paths.root, lot.lot)),
    checkReserve(await readMilk(client)),
    checkOnce(purchases, await paymentsInBlocks(client, startHeight + 1, height)),
    checkTills(purchases, tally.paidRefs, open),
    checkCoupons(students.map((student) => tally.loyalty.of(student)), cards),
    ...await checkExports(finance, await readGenesis(paths.genesis), purchases, readPurchases(paths.root)),
  ];
}
