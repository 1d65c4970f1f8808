/**
 * `billcoin verify-export`: an export file and its manifest against the chain, from the data folder of a stopped node or over
 * the API of a running one, which is believed in nothing: its blocks are linked up to a header that a light client verified.
 */
import { readFile } from 'node:fs/promises';
import { makeChain, StateTree, type Genesis } from '@billcoin/protocol';
import type { SignedExportManifest } from '@billcoin/sdk';
import type { Config } from '../config.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';
import { storedFinalBlock } from '../finalBlock.ts';
import { auditExport, CannotAudit, rangeOf, type ExportFindings } from '../sales/auditExport.ts';
import type { Difference } from '../sales/compareExport.ts';
import { exportLines } from '../sales/csvFile.ts';
import { saleBookOfGenesis, type SoldBlock } from '../sales/saleBook.ts';
import { makeBlockStore } from '../storage/blockStore.ts';
import { makeChainIndex } from '../storage/chainIndex.ts';
import { openDataFolder } from '../storage/dataFolder.ts';

/** A manifest has some 800 characters. */
const MANIFEST_MAX_CHARACTERS = 16_384;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the answer of GET /exports/milk-sales/manifest from a file. Throws CannotAudit. */
export async function readManifest(path: string): Promise<SignedExportManifest> {
  const text = await readFile(path, 'utf8');
  let parsed: unknown;
  try {
    parsed = text.length <= MANIFEST_MAX_CHARACTERS ? JSON.parse(text) : undefined;
  } catch {
    parsed = undefined;
  }
  const manifest = isRecord(parsed) ? parsed['manifest'] : undefined;
  const isWhole = isRecord(parsed) && isRecord(manifest) && ['month', 'tz', 'merkleRoot'].every((name) => typeof manifest[name] === 'string') && typeof parsed['publicKey'] === 'string' && typeof parsed['signature'] === 'string'
    && (manifest['lastBlock'] === null || Number.isSafeInteger(manifest['lastBlock'])) && /^\d{4}-\d{2}$/.test(String(manifest['month']));
  if (!isWhole) throw new CannotAudit(`${path} is no manifest of an export: it is what GET /exports/milk-sales/manifest answers.`);
  return parsed as unknown as SignedExportManifest;
}

export interface ExportCheck {
  readonly genesis: Genesis;
  readonly file: string;
  readonly signed: SignedExportManifest;
  readonly publicKey: Uint8Array | undefined;
  readonly onDifference: (difference: Difference) => void;
}

/** @param blocks from block 1 on */
export function checkExport({ genesis, file, ...check }: ExportCheck, blocks: AsyncIterable<SoldBlock>): Promise<ExportFindings> {
  return auditExport({ ...check, genesisHash: genesis.genesisHash, verify: verifyEd25519Native, book: saleBookOfGenesis(genesis.spec), blocks, lines: exportLines(file) });
}

/** The same with the blocks of a stopped node. Throws CannotAudit where they do not begin with block 1, StorageFailure `locked` while the node runs. */
export async function checkExportOffline(config: Config, check: ExportCheck): Promise<ExportFindings> {
  const { genesis } = check;
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  try {
    const chain = makeChain(genesis, verifyEd25519Native, new StateTree());
    const blocks = makeBlockStore(folder.blocks);
    const index = makeChainIndex(folder.index);
    const base = await blocks.base();
    if (base !== 0) throw new CannotAudit(`The blocks in ${config.dataDir} begin with ${base + 1}: who was registered before, they do not say. Use an archive node.`);
    const last = Math.min(await blocks.checkedTip(), (await index.tip()) ?? 0);
    const { toMs } = rangeOf(check.signed.manifest);
    /** Up to the first block after the month. */
    const stored = async function* (): AsyncGenerator<SoldBlock> {
      let timeMs = 0;
      for (let height = 1; height <= last && timeMs < toMs; height++) {
        const [block, results] = [await blocks.read(height), await index.results(height)];
        if (block === undefined || results === undefined) throw new CannotAudit(`Block ${height} is missing in ${config.dataDir}.`);
        const sold = storedFinalBlock(chain, block, results);
        ({ timeMs } = sold);
        yield sold;
      }
    };
    return await checkExport(check, stored());
  } finally {
    await folder.close();
  }
}
