/** `billcoin students`: the roster of the university, over the API of the running node as --user. */
import { open, readFile, stat } from 'node:fs/promises';
import { eraseStudent, importStudents, renewLinkCode, ROSTER_MAX_BYTES, type Client } from '@billcoin/sdk';
import { ConfigError, type Config } from '../config.ts';
import { asked, loggedIn } from './online.ts';
import { count } from './statusLine.ts';
import type { Terminal } from './terminal.ts';

/** Codes are handed out once: into a new file that only its owner reads, or to the terminal. */
async function writeCodes({ out }: Config, { print }: Terminal, lines: readonly string[]): Promise<void> {
  if (lines.length <= 1) return;
  if (out === undefined) {
    for (const line of lines) print(line);
    return;
  }
  const file = await open(out, 'wx', 0o600);
  try {
    await file.writeFile(`${lines.join('\n')}\n`, 'utf8');
    await file.sync();
  } finally {
    await file.close();
  }
  print(`The link codes of new students are in ${out} (mode 600). They are shown this once, work once and end after 14 days.`);
}

/** A file that exists already is told before anything is imported: afterwards the codes would be lost. */
async function refuseExisting(out: string | undefined): Promise<void> {
  const exists = out !== undefined && (await stat(out).then(() => true, () => false));
  if (exists) throw new ConfigError(`${out} exists already and is never overwritten. Nothing was imported.`);
}

async function importFile(config: Config, terminal: Terminal, client: Client, path: string): Promise<number> {
  const { size } = await stat(path);
  if (size > ROSTER_MAX_BYTES) throw new ConfigError(`${path} has ${size} bytes; a roster has at most ${ROSTER_MAX_BYTES}.`);
  await refuseExisting(config.out);
  const { added, kept, left, codes } = await importStudents(client, { csv: await readFile(path, 'utf8') });
  terminal.print(`Added ${count(added)}, kept ${count(kept)}, marked left ${count(left)}.`);
  await writeCodes(config, terminal, ['studentId,studentRef,linkCode', ...codes.map(({ studentId, studentRef, linkCode }) => `${studentId},${studentRef},${linkCode}`)]);
  return 0;
}

/** What follows `billcoin students`, each with one word more. */
const ACTS: Readonly<Record<string, (config: Config, terminal: Terminal, client: Client, of: string) => Promise<number>>> = {
  import: importFile,
  async 'link-code'(_config, { print }, client, studentRef) {
    const { linkCode, expiresAt } = await renewLinkCode(client, { studentRef });
    print(`Link code   ${linkCode} (works once, until ${expiresAt}; the old one is dead)`);
    return 0;
  },
  async erase(_config, { print }, client, studentRef) {
    const { wallets } = await eraseStudent(client, { studentRef });
    print(`Erased. His key is shredded and ${count(wallets)} wallets are linked to nobody; backups age out in 35 days. Take him off the roster file too.`);
    return 0;
  },
};

export async function students(config: Config, terminal: Terminal, [what = '', of = '', ...more]: readonly string[]): Promise<number> {
  const act = Object.hasOwn(ACTS, what) ? ACTS[what] : undefined;
  if (act === undefined || of === '' || more.length > 0) throw new ConfigError('students takes import <file>, link-code <student ref> or erase <student ref>. See billcoin students --help.');
  if (config.user === undefined) throw new ConfigError('students asks the running node: log in as an administrator with --user and --password-file.');
  return await asked(config, terminal, async (client) => act(config, terminal, await loggedIn(config, client), of));
}
