/**
 * The coverage gate. Counts code lines only (no blank lines, no comments), and counts the files no
 * test has loaded as not covered, so the share cannot be raised by documentation or by neglect.
 */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { GENERATED_SOURCES, PACKAGES } from './packages.ts';
import type { PackageRule } from './packages.ts';
import { listFiles } from './sourceFiles.ts';

/** One source file: its code lines, and those that no test ran (line numbers from 1). */
export type FileCoverage = { path: string; codeLines: number; missedLines: number[] };

/** The judgement on one package. `percent` is covered code lines of all its sources. */
export type PackageCoverage = PackageRule & { percent: number; codeLines: number; files: FileCoverage[]; ok: boolean };

type V8Coverage = { 'source-map-cache': Record<string, { data: { sources: string[]; sourcesContent: (string | null)[] } }> };
type Istanbul = Record<string, { statementMap: Record<string, { start: { line: number } }>; s: Record<string, number> }>;

/**
 * tsx leaves the sources out of its source maps, and without them the report cannot split a
 * compiled line back into the lines as written. Puts them in, from disk.
 */
export async function completeSourceMaps(coverageFolder: string): Promise<void> {
  for (const name of await readdir(coverageFolder)) {
    const path = join(coverageFolder, name);
    const coverage = JSON.parse(await readFile(path, 'utf8')) as V8Coverage;
    for (const { data } of Object.values(coverage['source-map-cache'])) {
      data.sourcesContent = await Promise.all(data.sources.map((source) => readFile(fileURLToPath(source), 'utf8')));
    }
    await writeFile(path, JSON.stringify(coverage));
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
