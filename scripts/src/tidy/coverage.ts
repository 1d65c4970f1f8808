/**
 * The coverage gate. Counts code lines only (no blank lines, no comments), and counts the files no
 * test has loaded as not covered, so the share cannot be raised by documentation or by neglect.
 */
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import { GENERATED_SOURCES, PACKAGES } from './packages.ts';
import type { PackageRule } from './packages.ts';
import { listFiles } from './sourceFiles.ts';

/** One source file: its code lines, and those that no test ran (line numbers from 1). */
export type FileCoverage = { path: string; codeLines: number; missedLines: number[] };

/** The judgement on one package. `percent` is covered code lines of all its sources. */
export type PackageCoverage = PackageRule & { percent: number; codeLines: number; files: FileCoverage[]; ok: boolean };

type V8Coverage = {
  readonly result: readonly { readonly url: string }[];
  /** None where nothing was compiled, as in the thread that compiles. */
  readonly 'source-map-cache'?: Readonly<Record<string, { readonly data: { readonly sources: readonly string[] } | null }>>;
};
type Istanbul = Record<string, { statementMap: Record<string, { start: { line: number } }>; s: Record<string, number> }>;

/**
 * Makes what V8 counted fit for the report: keeps the sources of the packages alone, which are a tenth of it, and puts
 * their text into the source maps, from disk. tsx leaves it out, and without it the report cannot split a compiled line
 * back into the lines as written.
 */
export async function completeSourceMaps(root: string, coverageFolder: string, packages = PACKAGES): Promise<void> {
  const folders = packages.map(({ name }) => pathToFileURL(join(root, name, 'src/')).href);
  const isJudged = (url: string): boolean => folders.some((folder) => url.startsWith(folder));
  const texts = new Map<string, string>();
  for (const name of await readdir(coverageFolder)) {
    const path = join(coverageFolder, name);
    const { result, 'source-map-cache': maps = {} } = JSON.parse(await readFile(path, 'utf8')) as V8Coverage;
    const kept: Record<string, object> = {};
    for (const [url, map] of Object.entries(maps)) {
      if (!isJudged(url) || map.data === null) continue;
      for (const source of map.data.sources) if (!texts.has(source)) texts.set(source, await readFile(fileURLToPath(source), 'utf8'));
      kept[url] = { ...map, data: { ...map.data, sourcesContent: map.data.sources.map((source) => texts.get(source)) } };
    }
    const judged = result.filter(({ url }) => isJudged(url));
    if (judged.length === 0) await rm(path);
    else await writeFile(path, JSON.stringify({ result: judged, 'source-map-cache': kept }));
  }
}

/** Numbers (from 1) of the lines that hold code, not only a comment or nothing. */
export function codeLineNumbers(source: string): number[] {
  const numbers: number[] = [];
  let inComment = false;
  source.split('\n').forEach((text, index) => {
    const line = text.trim();
    if (!inComment && line.startsWith('/*')) inComment = true;
    const isComment = inComment || line.startsWith('//');
    if (inComment && line.includes('*/')) inComment = false;
    if (line !== '' && !isComment) numbers.push(index + 1);
  });

  return numbers;
}

/** Judges every package from the report `tap report json` has written. */
export async function judgeCoverage(root: string, reportPath: string, packages = PACKAGES): Promise<PackageCoverage[]> {
  const report = JSON.parse(await readFile(reportPath, 'utf8')) as Istanbul;
  const judged: PackageCoverage[] = [];
  for (const rule of packages) {
    const files: FileCoverage[] = [];
    for (const path of await listFiles(root, `${rule.name}/src`)) {
      if (!path.endsWith('.ts') || GENERATED_SOURCES.includes(path)) continue;
      files.push(await judgeFile(root, path, report));
    }
    const codeLines = files.reduce((sum, file) => sum + file.codeLines, 0);
    const missed = files.reduce((sum, file) => sum + file.missedLines.length, 0);
    const percent = codeLines === 0 ? 100 : (100 * (codeLines - missed)) / codeLines;
    judged.push({ ...rule, percent, codeLines, files, ok: percent >= rule.minLinesPercent });
  }

  return judged;
}

async function judgeFile(root: string, path: string, report: Istanbul): Promise<FileCoverage> {
  const source = await readFile(join(root, path), 'utf8');
  const covered = report[join(root, path)];
  const code = codeLineNumbers(source);
  if (covered === undefined) {
    return await hasCode(source) ? { path, codeLines: code.length, missedLines: code } : { path, codeLines: 0, missedLines: [] };
  }
  const missed = new Set<number>();
  for (const [id, place] of Object.entries(covered.statementMap)) {
    if (covered.s[id] === 0) missed.add(place.start.line);
  }

  return { path, codeLines: code.length, missedLines: code.filter((line) => missed.has(line)) };
}

/** A file of types only leaves nothing to run. */
async function hasCode(source: string): Promise<boolean> {
  const { code } = await transform(source, { loader: 'ts', format: 'esm', tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } } });

  return code.trim() !== '';
}

/** One line per package, and under a package the files that lack most. */
export function describeCoverage(judged: readonly PackageCoverage[], root: string): string[] {
  const MOST_FILES = 8;

  return judged.flatMap((pkg) => {
    const head = `${pkg.ok ? 'ok    ' : 'FAILED'} coverage of ${pkg.name}: ${pkg.percent.toFixed(1)} % of ${pkg.codeLines} code lines, at least ${pkg.minLinesPercent} % wanted`;
    const worst = pkg.files.filter((file) => file.missedLines.length > 0).sort((a, b) => b.missedLines.length - a.missedLines.length);

    return [head, ...worst.slice(0, MOST_FILES).map((file) => `         ${relative('.', join(root, file.path))}: ${file.missedLines.length} of ${file.codeLines} not run (${ranges(file.missedLines)})`)];
  });
}

function ranges(lines: readonly number[]): string {
  const MOST_RANGES = 10;
  const found: { first: number; last: number }[] = [];
  for (const line of lines) {
    const open = found.at(-1);
    if (open !== undefined && open.last === line - 1) open.last = line;
    else found.push({ first: line, last: line });
  }
  const shown = found.slice(0, MOST_RANGES).map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));

  return shown.join(', ') + (found.length > MOST_RANGES ? ', …' : '');
}
