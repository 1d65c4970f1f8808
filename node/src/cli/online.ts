/**
 * Commands that ask a running node. What it says of itself is shown as it is; of the chain nothing is believed: rows and
 * transactions are shown once their proofs verify under headers followed from genesis or a signed checkpoint.
 */
import { equalBytes, faultCode, formatAddress, formatLitres, ROWS, stateRows, toHex, TRUSTING_PERIOD_MS, trustGenesis, type Genesis, type TrustedHeader, type TxBody, type VerifiedReceipt } from '@billcoin/protocol';
import {
  addSignature, ApiError, checkpointRoot, ConnectionError, createClient, createVerifiedClient, getMe, getStatus, keyFromSeed, listPeers, listValidators, ProofError, sendTransaction, TimeoutError, verifiedExecution,
  verifiedRow, verifiedTransaction, waitForTransaction, withLogin, type Client, type VerifiedClient,
} from '@billcoin/sdk';
import { bodyView } from '../transactionView.ts';
import { ConfigError, type Config } from '../config.ts';
import { readGenesis } from '../node.ts';
import { makeAccountKey, readAccountSeed } from '../offline/keys.ts';
import { readSecretText, SharedFile } from '../secretFile.ts';
import { StorageFailure } from '../storageFailure.ts';
import { peerTable } from './peerTable.ts';
import { count, finalText, progressText } from './statusLine.ts';
import type { Terminal } from './terminal.ts';
import { address, kindOf, makeTxDraft } from './txKinds.ts';

/** A wait for finality at the terminal: an idle chain with a dead proposer or two is well below it. */
const FINAL_TIMEOUT_MS = 30_000;

function clientOf({ httpHost, httpPort }: Config): Client {
  return createClient({ baseUrl: `http://${httpHost}:${httpPort}` });
}

/** Runs what asks the node; a refusal or a node that is not there is one line and exit code 1. */
export async function asked(config: Config, { complain }: Terminal, work: (client: Client) => Promise<number>): Promise<number> {
  try {
    return await work(clientOf(config));
  } catch (error) {
    if (error instanceof ConnectionError) complain(`No node answers at http://${config.httpHost}:${config.httpPort}: ${error.message}. Is it started, and are --http-host and --http-port those of the node?`);
    else if (error instanceof ApiError || error instanceof TimeoutError) complain(`${error.message} ${error.remedy}`);
    else if (error instanceof ProofError) complain(`The node's answer is not believed: ${error.message}`);
    else throw error;
    return 1;
  }
}

async function readPassword(path: string): Promise<string> {
  try {
    return (await readSecretText(path)).trim();
  } catch (error) {
    throw error instanceof SharedFile ? new ConfigError(error.message) : error;
  }
}

/** The client, logged in as --user where there is one. */
export async function loggedIn({ user, passwordFile }: Config, client: Client): Promise<Client> {
  if (user === undefined) return client;
  if (passwordFile === undefined) throw new ConfigError('--user needs --password-file: a password on the command line could be read by every process of this machine.');
  return withLogin(client, { username: user, password: await readPassword(passwordFile) });
}

/** Works in the folders while no node runs on them; a node that does is asked itself, as --user. */
export async function stoppedOrRunning(config: Config, terminal: Terminal, stopped: () => Promise<number>, running: (client: Client) => Promise<number>): Promise<number> {
  try {
    return await stopped();
  } catch (error) {
    if (!(error instanceof StorageFailure) || error.code !== 'locked') throw error;
  }
  return await asked(config, terminal, async (client) => {
    try {
      return await running(await loggedIn(config, client));
    } catch (error) {
      if (error instanceof ApiError && error.code === 'unauthenticated') terminal.complain('A node runs on this data folder. Log in as an administrator with --user and --password-file.');
      throw error;
    }
  });
}

/** Accounts and transactions are for their keys, finance and auditors: logged in as --user, else by --account-key where `isOf` says that it helps. */
async function readerOf(config: Config, client: Client, genesisHash: Uint8Array, isOf: (account: Uint8Array) => boolean): Promise<Client> {
  if (config.user !== undefined) return await loggedIn(config, client);
  const seed = await readAccountSeed(config.accountKey);
  const key = seed === undefined ? undefined : keyFromSeed(seed);
  return key !== undefined && isOf(key.address) && (await hasLogins(client)) ? withLogin(client, { key, genesisHash }) : client;
}

/** A node of the chain alone has none and asks for none. */
async function hasLogins(client: Client): Promise<boolean> {
  try {
    await getMe(client);
    return true;
  } catch (error) {
    return !(error instanceof ApiError && error.code === 'not_found');
  }
}

/** Where trust begins: genesis while it is young, then the checkpoint that the node serves, signed by the keys of genesis. */
async function rootOf(client: Client, { genesisHash, ...genesis }: Genesis): Promise<TrustedHeader> {
  if (genesis.spec.timeMs + TRUSTING_PERIOD_MS > Date.now()) return trustGenesis(genesis);
  return checkpointRoot(client, { genesisHash, checkpointKeys: genesis.spec.checkpointKeys });
}

export async function verifiedClientOf(client: Client, genesis: Genesis): Promise<VerifiedClient> {
  return createVerifiedClient({ client, genesisHash: genesis.genesisHash, root: await rootOf(client, genesis) });
}

export function status(config: Config, terminal: Terminal): Promise<number> {
  return asked(config, terminal, async (client) => {
    const told = await getStatus(client);
    if (config.json) return printJson(terminal, told);
    const { chainId, genesisHash, height, blockHash, finalityAgeMs, pool, peers, sync } = told;
    terminal.print(`Network  ${chainId} (genesis ${genesisHash})`);
    terminal.print(`Height   ${count(height)}, ${finalText({ height, finalityAgeMs })} (${blockHash})`);
    terminal.print(`Sync     ${sync === null ? 'not behind its peers' : `${count(height)} of ${count(sync.targetHeight)} ${progressText({ done: height, all: sync.targetHeight, perMinute: sync.blocksPerMinute ?? undefined, what: 'blocks', leftMs: sync.leftMs ?? undefined })}`}`);
    terminal.print(`Peers    ${peers} connected`);
    terminal.print(`Pool     ${count(pool.transactions)} transactions, ${count(pool.bytes)} bytes`);
    return 0;
  });
}

function printJson({ print }: Terminal, value: unknown): number {
  print(JSON.stringify(value, undefined, 2));
  return 0;
}

export function peers(config: Config, terminal: Terminal): Promise<number> {
  return asked(config, terminal, async (client) => {
    const told = await listPeers(await loggedIn(config, client));
    if (config.json) return printJson(terminal, told);
    for (const line of peerTable(told.data)) terminal.print(line);
    return 0;
  });
}

export function validators(config: Config, terminal: Terminal): Promise<number> {
  return asked(config, terminal, async (client) => {
    const { height, data } = await listValidators(client);
    const voting = data.filter(({ power }) => power > 0).length;
    terminal.print(`At height ${height}: ${voting} of ${data.length} institutions vote.`);
    for (const { address: of, name, status: standing, power } of data) terminal.print(`${of}  ${power > 0 ? 'votes ' : 'waits '}  ${standing.padEnd(9)}  ${name}`);
    return 0;
  });
}

function addressOfText(text: string): Uint8Array {
  const bytes = address.parse(text);
  if (bytes === undefined) throw new ConfigError(`"${text}" is no address; it takes ${address.takes}.`);
  return bytes;
}

/** What `billcoin query` shows, by its first word; each takes the second. */
const QUERIES: Readonly<Record<string, (verified: VerifiedClient, of: string) => Promise<readonly string[]>>> = {
  async account(verified, of) {
    const account = addressOfText(of);
    const { value, header } = await verifiedRow(verified, ROWS.account, toHex(account));
    return [`Account  ${formatAddress(account)}`, `Balance  ${formatLitres(value?.balanceMl ?? 0n)} BILL`, proofLine(header)];
  },
  async validator(verified, of) {
    const validator = addressOfText(of);
    const { value, header } = await verifiedRow(verified, ROWS.validator, toHex(validator));
    if (value === undefined) return [`${formatAddress(validator)} is no validator that was ever admitted.`, proofLine(header)];
    const { name, account, commissionBps, stakeMl, shares, standing, stakeDueMs } = value;
    return [
      `Validator   ${name} (${formatAddress(validator)})`, `Account     ${formatAddress(account)}`, `Stake       ${formatLitres(stakeMl)} BILL in ${shares} shares, commission ${commissionBps / 100} %`,
      `Standing    ${Object.entries(stateRows.STANDING).find(([, number]) => number === standing)?.[0] ?? standing}${stakeDueMs > header.timeMs ? `; needs no stake until ${new Date(stakeDueMs).toISOString()}` : ''}`,
      proofLine(header),
    ];
  },
  async tx(verified, of) {
    const seen = await transactionOr(verified, of);
    if (seen !== undefined) return [`Transaction ${of}`, `Kind        ${seen.body.kind.case}, by ${formatAddress(seen.body.sender)}`, ...fieldLines(seen.body), `Result      ${resultText(seen.code)}`, proofLine({ ...seen.header, blockId: seen.blockId })];
    const { code, height, header } = await verifiedExecution(verified, { txHash: of });
    return [`Transaction ${of}`, 'Kind        told to its parties, finance and auditors (--user, or --account-key of a party)', `Result      ${resultText(code)}, in block ${height}`, proofLine(header)];
  },
};

/** What was signed beyond kind and sender: out of the proven bytes, in the words of the API. */
function fieldLines(body: TxBody): readonly string[] {
  return Object.entries(bodyView(body).fields).map(([name, value]) => `  ${name.padEnd(9)} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
}

/** The transaction, where the server shows it to whoever asks here. */
async function transactionOr(verified: VerifiedClient, txHash: string): Promise<VerifiedReceipt | undefined> {
  try {
    return await verifiedTransaction(verified, { txHash });
  } catch (error) {
    if (error instanceof ProofError && error.code === 'only_for_parties') return undefined;
    throw error;
  }
}

function resultText(code: number): string {
  return code === 0 ? 'done' : faultCode(code) ?? String(code);
}

function proofLine({ height, timeMs, blockId }: Pick<TrustedHeader, 'height' | 'timeMs' | 'blockId'>): string {
  return `Proven under block ${height} of ${new Date(timeMs).toISOString()} (${toHex(blockId)})`;
}

export async function query(config: Config, terminal: Terminal, [what = '', of = '', ...more]: readonly string[]): Promise<number> {
  const chosen = Object.hasOwn(QUERIES, what) ? QUERIES[what] : undefined;
  if (chosen === undefined || of === '' || more.length > 0) throw new ConfigError(`query takes one of ${Object.keys(QUERIES).join(', ')} and its address or transaction hash.`);
  const genesis = await readGenesis(config.genesis);
  return asked(config, terminal, async (client) => {
    const reader = what === 'validator' ? client : await readerOf(config, client, genesis.genesisHash, (account) => what === 'tx' || equalBytes(account, addressOfText(of)));
    for (const line of await chosen(await verifiedClientOf(reader, genesis), of)) terminal.print(line);
    return 0;
  });
}

export async function accountKey({ accountKey: path }: Config, { print }: Terminal): Promise<number> {
  const made = await makeAccountKey(path);
  print(`Key file    ${path} (mode 600; whoever has it has the money)`);
  print(`Address     ${made.address}`);
  return 0;
}

/** Signs one transaction with the account key, sends it, waits until it is final and verifies that it was executed. */
export async function tx(config: Config, terminal: Terminal, words: readonly string[]): Promise<number> {
  kindOf(words[0] ?? '');
  const genesis = await readGenesis(config.genesis);
  const seed = await readAccountSeed(config.accountKey);
  if (seed === undefined) throw new ConfigError(`There is no account key at ${config.accountKey} (--account-key). billcoin account-key makes one.`);
  const key = keyFromSeed(seed);
  const draft = addSignature(makeTxDraft(words, { genesisHash: genesis.genesisHash }, key.address), key);
  return asked(config, terminal, async (client) => {
    const { txHash } = await sendTransaction(client, draft);
    terminal.print(`Accepted ${txHash}`);
    const ended = await waitForTransaction(client, { txHash, timeoutMs: FINAL_TIMEOUT_MS });
    if (ended.status !== 'final') {
      terminal.complain(`The transaction is ${ended.status}: it can never be executed any more. Nothing was charged.`);
      return 1;
    }
    // Its bytes are known here: that this id was executed is all there is to prove, and needs no login.
    const { code, header } = await verifiedExecution(await verifiedClientOf(client, genesis), { txHash });
    terminal.print(code === 0 ? 'Done.' : `Refused by the ledger: ${resultText(code)}. The fee was charged.`);
    terminal.print(proofLine(header));
    return code === 0 ? 0 : 1;
  });
}
