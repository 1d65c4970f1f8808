/**
 * Parts of Debian the tests talk to: Mosquitto, the broker that runs in deployment, for MQTT 5;
 * Python, in which the raw export is recounted; docker-compose, which knows the schema of its file;
 * Chromium, in which receipts and blocks are verified as a till does; Prometheus and Alertmanager with their tools, which judge rules and routes and carry an alert to its end. npm has none of them, so on Debian as root they are installed before the suite.
 */
import { spawnSync } from 'node:child_process';
import { access, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A command some suites need, and the Debian package that brings it. */
export type DebianPart = { command: string; debianPackage: string; usedBy: string };

/** What is there: `missing` is undefined when everything is. */
export type DebianPartsOutcome = { installed: string[]; missing: undefined | { parts: DebianPart[]; reason: string } };

/** Every part the suites know of. */
export const DEBIAN_PARTS: readonly DebianPart[] = [
  { command: 'mosquitto', debianPackage: 'mosquitto', usedBy: 'MQTT 5 suites (oracle, scripts)' },
  { command: 'mosquitto_pub', debianPackage: 'mosquitto-clients', usedBy: 'MQTT 5 suites (oracle, scripts)' },
  { command: 'python3', debianPackage: 'python3', usedBy: 'recount of the raw export (node)' },
  { command: 'docker-compose', debianPackage: 'docker-compose', usedBy: 'compose file (scripts); no container engine is needed' },
  { command: 'chromium', debianPackage: 'chromium', usedBy: 'vectors in a browser (sdk)' },
  { command: 'soffice', debianPackage: 'libreoffice-calc-nogui', usedBy: 'exports in a spreadsheet (node)' },
  { command: 'promtool', debianPackage: 'prometheus', usedBy: 'alert rules and their way (scripts)' },
  { command: 'amtool', debianPackage: 'prometheus-alertmanager', usedBy: 'routes of alerts and their way (scripts)' },
];

/** Debian keeps daemons in sbin, which is not on every user's path. */
const SBIN_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** A mirror that hangs must not hang the suite. */
const APT_TIMEOUT_MS = 300_000;

/** Asked by Debian's package scripts before they start a service; 101 means "do not". */
const POLICY_PATH = '/usr/sbin/policy-rc.d';

/** Finds a command on the path or in the sbin folders; undefined when it is nowhere. */
export async function findCommand(command: string, searchPath: string): Promise<string | undefined> {
  for (const folder of [...searchPath.split(delimiter), ...SBIN_FOLDERS]) {
    const path = join(folder, command);
    try {
      await access(path, constants.X_OK);

      return path;
    } catch {
      continue;
    }
  }

  return undefined;
}

/** Installs what is missing where that is possible; never starts a service. */
export async function ensureDebianParts(searchPath: string, parts = DEBIAN_PARTS): Promise<DebianPartsOutcome> {
  const before = await missingParts(searchPath, parts);
  if (before.length === 0) return { installed: [], missing: undefined };
  const apt = await findCommand('apt-get', searchPath);
  if (apt === undefined) return { installed: [], missing: { parts: before, reason: 'this is not Debian (no apt-get)' } };
  if (process.getuid?.() !== 0) return { installed: [], missing: { parts: before, reason: 'only root may install packages' } };
  const fault = await withoutStartingServices(() => install(apt, before.map((part) => part.debianPackage)));
  const after = await missingParts(searchPath, parts);
  if (after.length > 0) return { installed: [], missing: { parts: after, reason: fault ?? 'the packages did not bring the commands' } };

  return { installed: before.map((part) => part.debianPackage), missing: undefined };
}

async function missingParts(searchPath: string, parts: readonly DebianPart[]): Promise<DebianPart[]> {
  const missing: DebianPart[] = [];
  for (const part of parts) {
    if (await findCommand(part.command, searchPath) === undefined) missing.push(part);
  }

  return missing;
}

function install(apt: string, packages: readonly string[]): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (...args: string[]): string | undefined => {
    const { status, stderr, error } = spawnSync(apt, args, { env, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], timeout: APT_TIMEOUT_MS });
    if (error !== undefined) return `apt-get ${args[0] ?? ''}: ${error.message}`;

    return status === 0 ? undefined : `apt-get ${args.join(' ')} failed: ${stderr.trim().split('\n').at(-1) ?? ''}`;
  };
  const wanted = ['install', '-y', '--no-install-recommends', ...packages];
  // A fresh image has no package lists: update only when the first try fails.
  if (run(...wanted) === undefined) return undefined;

  return run('update') ?? run(...wanted);
}

async function withoutStartingServices<Result>(work: () => Result): Promise<Result> {
  try {
    await writeFile(POLICY_PATH, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
  } catch (error) {
    // The machine has its own policy already: respect it.
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return work();
    throw error;
  }
  try {
    return work();
  } finally {
    await rm(POLICY_PATH);
  }
}
