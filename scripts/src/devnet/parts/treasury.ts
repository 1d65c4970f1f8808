/** The treasury: buys what farms and plant sell, tops up students, supplies the cafeteria, and keeps the roster. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiError, getBatch, importStudents, renewLinkCode, signTransfer, type Client, type Key } from '@billcoin/sdk';
import { asAccount } from '../accounts.ts';
import { keyOf, pathsOf, STUDENTS, studentName, writeWhole, type Paths } from '../network.ts';
import { takeDelivery } from './delivery.ts';
import { runPart, type Part } from './part.ts';
import { balanceOf, inParallel, litresOf, mustSettle, persist } from './settle.ts';

const FEE_ML = 1n;
/** Well under the 64 transactions that may wait for one sender. */
const AT_ONCE = 16;

interface Desk {
  readonly part: Part;
  readonly paths: Paths;
  readonly key: Key;
  /** Keeps the roster. */
  readonly admin: Client;
  /** Sees balances. */
  readonly finance: Client;
  /** Codes that were shown once and are not used yet, by student. */
  readonly codes: Map<string, string>;
}

const rosterPath = (desk: Desk): string => join(desk.paths.root, 'treasury', 'roster.json');

/** Matriculation numbers of the devnet: made up. */
function studentId(index: number): string {
  return String(1_181_100_001 + index);
}

/** The roster's references in order; imported on the first call. */
async function rosterOf(desk: Desk): Promise<readonly string[]> {
  const path = rosterPath(desk);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as readonly string[];
  const csv = ['studentId', ...Array.from({ length: STUDENTS }, (_, index) => studentId(index))].join('\n');
  const { codes } = await importStudents(desk.admin, { csv: `${csv}\n` });
  if (codes.length !== STUDENTS) throw new Error(`the roster gave ${codes.length} codes for ${STUDENTS} students: another roster was imported before`);
  mkdirSync(join(desk.paths.root, 'treasury'), { recursive: true, mode: 0o700 });
  writeWhole(path, JSON.stringify(codes.map(({ studentRef }) => studentRef)));
  for (const { studentRef, linkCode } of codes) desk.codes.set(studentRef, linkCode);
  return codes.map(({ studentRef }) => studentRef);
}

async function linkCodes(desk: Desk, students: readonly number[]): Promise<{ readonly codes: readonly string[] }> {
  const roster = await rosterOf(desk);
  const codes = await inParallel(students, AT_ONCE, async (student) => {
    const studentRef = roster[student] as string;
    const code = desk.codes.get(studentRef) ?? (await persist(() => renewLinkCode(desk.admin, { studentRef }))).linkCode;
    desk.codes.delete(studentRef);
    return code;
  });
  return { codes };
}

async function topUp({ part, paths, key, finance }: Desk, studentMl: bigint, cafeteriaMl: bigint): Promise<{ readonly paidMl: number }> {
  const students = Array.from({ length: STUDENTS }, (_, index) => ({ account: keyOf(paths, studentName(index)), wantMl: studentMl }));
  const receivers = [...students, { account: keyOf(paths, 'student-example'), wantMl: studentMl }, { account: keyOf(paths, 'cafeteria'), wantMl: cafeteriaMl }];
  const paid = await inParallel(receivers, AT_ONCE, async ({ account, wantMl }) => {
    const amountMl = wantMl - await balanceOf(finance, account.addressText);
    if (amountMl <= 0n) return 0n;
    await mustSettle(part.client, signTransfer({ genesisHash: part.genesisHash, to: account.address, amountMl, feeMl: FEE_ML }, key));
    return amountMl;
  });
  return { paidMl: Number(paid.reduce((sum, amountMl) => sum + amountMl, 0n)) };
}

/** Milk that the campus did not need is sold elsewhere before it expires, and retired as it leaves. */
async function trade({ part, key, finance }: Desk, batchKey: string): Promise<{ readonly redeemedMl: number }> {
  const batch = await batchOrNone(part, batchKey);
  const balanceMl = await balanceOf(finance, key.addressText) - FEE_ML;
  const availableMl = batch?.state === 'minted' ? litresOf(batch.available) : 0n;
  const amountMl = availableMl < balanceMl ? availableMl : balanceMl;
  if (amountMl <= 0n) return { redeemedMl: 0 };
  await takeDelivery(part, key, batchKey, amountMl, `ordinary trade of ${batchKey}`);
  return { redeemedMl: Number(amountMl) };
}

async function batchOrNone(part: Part, batchKey: string): Promise<Awaited<ReturnType<typeof getBatch>> | undefined> {
  try {
    return await persist(() => getBatch(part.client, { batchKey }));
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return undefined;
    throw error;
  }
}

await runPart<'treasury'>((part) => {
  const paths = pathsOf(part.config.root);
  const desk: Desk = { part, paths, key: keyOf(paths, 'treasury'), admin: asAccount(part.client, paths.root, 'admin'), finance: asAccount(part.client, paths.root, 'finance'), codes: new Map() };
  return Promise.resolve({
    handlers: {
      linkCodes: ({ students }) => linkCodes(desk, students),
      topUp: ({ studentMl, cafeteriaMl }) => topUp(desk, BigInt(studentMl), BigInt(cafeteriaMl)),
      trade: ({ batchKey }) => trade(desk, batchKey),
    },
    stop: () => Promise.resolve(),
  });
});
