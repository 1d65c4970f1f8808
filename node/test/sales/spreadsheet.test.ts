/** Threat 12: lines of the export, opened by LibreOffice with formulas allowed. What it makes of them stands in its own XML. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { COLUMNS, csvLine, LINE_END, saleCells } from '../../src/sales/saleLine.ts';
import { hidden, PAYLOADS } from './payloads.ts';

const run = promisify(execFile);
/** It starts and converts in some three seconds; a busy machine gets twenty times that. */
const OFFICE_TIMEOUT_MS = 60_000;
/**
 * Import options of its CSV filter, by place: separators, quote, UTF-8, first line, …, quoted fields are no text by themselves, special
 * numbers are recognised, …, formulas are evaluated. People press OK in a dialog that remembers the separators of the last file.
 */
const importOf = (separators: string): string => `CSV:${separators},34,76,1,,0,false,true,false,false,false,-1,true`;
const [COMMA, ANY] = ['44', '44/59/9'];
const office = spawnSync('soffice', ['--version'], { encoding: 'utf8' });
const version = office.status === 0 ? office.stdout.trim() : undefined;

interface Sheet {
  readonly formulas: readonly string[];
  readonly links: number;
  /** Value type of every cell that has one. */
  readonly types: readonly string[];
}

/** Opens CSV text and reads what became of its cells. */
async function opened(folder: string, csv: string, separators: string): Promise<Sheet> {
  await writeFile(join(folder, 'export.csv'), csv);
  // A profile of its own: what a user of this machine has allowed must not decide.
  const profile = `-env:UserInstallation=${pathToFileURL(join(folder, 'profile')).href}`;
  await run('soffice', ['--headless', '--norestore', profile, `--infilter=${importOf(separators)}`, '--convert-to', 'fods', '--outdir', folder, join(folder, 'export.csv')], { timeout: OFFICE_TIMEOUT_MS });
  const xml = await readFile(join(folder, 'export.fods'), 'utf8');
  return {
    formulas: [...xml.matchAll(/table:formula="([^"]*)"/g)].map(([, formula = '']) => formula),
    links: (xml.match(/xlink:href="http|dde-source|dde-link/g) ?? []).length,
    types: [...xml.matchAll(/<table:table-cell[^>]*office:value-type="(\w+)"/g)].map(([, type = '']) => type),
  };
}

const skip = version === undefined ? 'LibreOffice is not on this machine' : false;

t.test('threat 12: LibreOffice runs nothing of a line of the export, whatever its texts are', { skip, timeout: 300_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-sheet-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  t.comment(version);
  const raw = await opened(folder, PAYLOADS.map((payload) => csvLine([payload, 'x'])).join(LINE_END), COMMA);
  t.ok(raw.formulas.length >= 3, `left as they are, it runs ${raw.formulas.length} of ${PAYLOADS.length}: ${raw.formulas.slice(0, 3).join(' ')}`);

  const texts = PAYLOADS.flatMap(hidden);
  const lines = texts.map((text) => csvLine(saleCells({ txHash: text, timeMs: 0, student: text, sen: -180n, wallet: text, blockHash: text, status: 'Refunded' })));
  for (const separators of [COMMA, ANY]) {
    const { formulas, links, types } = await opened(folder, [csvLine(COLUMNS), ...lines].join(LINE_END), separators);
    t.same([formulas, links], [[], 0], `separators ${separators}`);
    t.equal(types.filter((type) => type === 'float').length, lines.length, 'amounts are numbers, and nothing else is');
  }
});
