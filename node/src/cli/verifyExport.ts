/** `billcoin verify-export`: says line by line how an export differs from the chain. 0 all holds, 1 it differs, 2 it could not be checked. */
import { setTimeout } from 'node:timers/promises';
import { fromHex } from '@billcoin/protocol';
import { ApiError, ConnectionError, createClient, getRawBlocks, getStatus, ProofError, TimeoutError, type Client, type RawBlock } from '@billcoin/sdk';
import { ConfigError, type Config } from '../config.ts';
import { readGenesis } from '../node.ts';
import { checkExport, checkExportOffline, readManifest, type ExportCheck } from '../offline/verifyExport.ts';
import { CannotAudit, type ExportFindings } from '../sales/auditExport.ts';
import { differenceText, TooDifferent } from '../sales/compareExport.ts';
import { linkedBlocks } from '../sales/soldBlock.ts';
import { StorageFailure } from '../storageFailure.ts';
import { loggedIn, verifiedClientOf } from './online.ts';
import type { Terminal } from './terminal.ts';

const DIFFERS = 1;
const UNCHECKED = 2;
const BLOCKS_AT_ONCE = 100;

/** Blocks of a running node, up to the newest that its light client believes; the month may have ended since the manifest. */
async function checkOnline(client: Client, check: ExportCheck): Promise<ExportFindings> {
  const { genesis } = check;
  const { height: last } = await getStatus(client);
  const verified = await verifiedClientOf(client, genesis);
  const { blockId: lastId } = await verified.trust(last);
  return await checkExport(check, linkedBlocks(genesis.genesisHash, { last, lastId, read: (height) => readPatiently(client, height) }));
}

/** An auditor is limited as everybody is: a chain of years takes minutes, and goes on where it was told to wait. */
async function readPatiently(client: Client, height: number): Promise<readonly RawBlock[]> {
  for (;;) {
    try {
      return await getRawBlocks(client, { height, limit: BLOCKS_AT_ONCE });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'rate_limited' || error.retryAfterS === undefined) throw error;
      await setTimeout(error.retryAfterS * 1_000);
    }
  }
}

/** Why nothing was checked, in one line; undefined for a bug. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof CannotAudit || error instanceof StorageFailure) return error.message;
  if (error instanceof ApiError || error instanceof TimeoutError || error instanceof ConnectionError) return `${error.message} ${error.remedy}`;
  if (error instanceof ProofError) return `The node's answer is not believed: ${error.message}`;
  return error instanceof Error && 'syscall' in error ? `${error.message}.` : undefined;
}

function report({ print }: Terminal, { rows, differences, manifest, partial }: ExportFindings, { month, tz, signedBy }: { readonly month: string; readonly tz: string; readonly signedBy: string }): number {
  for (const problem of manifest) print(problem);
  const holds = differences === 0 && manifest.length === 0;
  print(`${month} in ${tz}: the chain has ${rows} rows, the file differs in ${differences} places, the manifest in ${manifest.length}.${partial ? ' The month had not ended at its last block.' : ''}`);
  if (holds) print(`Everything holds but the pseudonyms, which no block knows: for them stands the key ${signedBy}. Compare it with what "billcoin export-key" prints at the node.`);
  return holds ? 0 : DIFFERS;
}

export async function verifyExport(config: Config, terminal: Terminal, [file, ...more]: readonly string[]): Promise<number> {
  const { manifest: path, exportKey } = config;
  if (file === undefined || more.length > 0 || path === undefined) throw new ConfigError('verify-export takes one file and its --manifest. See billcoin verify-export --help.');
  const publicKey = exportKey === undefined ? undefined : fromHex(exportKey);
  if (exportKey !== undefined && publicKey?.length !== 32) throw new ConfigError(`--export-key is "${exportKey}"; it takes 64 hex digits.`);
  const genesis = await readGenesis(config.genesis);
  try {
    const signed = await readManifest(path);
    const check: ExportCheck = { genesis, file, signed, publicKey, onDifference: (difference) => terminal.print(differenceText(difference)) };
    const findings = config.nodeUrl === undefined ? await checkExportOffline(config, check) : await checkOnline(await loggedIn(config, createClient({ baseUrl: config.nodeUrl })), check);
    return report(terminal, findings, { month: signed.manifest.month, tz: signed.manifest.tz, signedBy: signed.publicKey });
  } catch (error) {
    if (error instanceof TooDifferent) {
      terminal.print(`Stopped: ${error.message}.`);
      return DIFFERS;
    }
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    terminal.complain(reason);
    return UNCHECKED;
  }
}
