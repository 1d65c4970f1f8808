/**
 * The hand of the campus authority (SPEC §5.2): signs what registers merchants and tills, where this node holds the key.
 * A transaction is on disk before it is handed to the chain, so that a call that is made again settles the same one and
 * never two.
 */
import { equalBytes, formatAddress, fromBase64Url, ROLE, roleId, ROWS, toBase64Url } from '@billcoin/protocol';
import { addSignature, encodeTransaction, TX_LIFE_MS, type AuthorityEnvelope, type Signer, type TxDraft } from '@billcoin/sdk';
import type { Settled } from '../../merchantPorts.ts';
import type { ChainPort, Clock, KeyValueStore } from '../../ports.ts';
import type { EndWaiter } from '../endWaiter.ts';
import type { Lane } from '../lane.ts';
import { getRow, putRow, TABLES, type AuthorityTxRow } from '../store.ts';

/** People wait for it, with the device in the hand. */
export const SETTLE_WAIT_MS = 10_000;

export interface AuthorityDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly lane: Lane;
  readonly waiter: EndWaiter;
  /** Key of the campus authority; undefined on nodes that do not hold it. */
  readonly signer: Signer | undefined;
}

/** What is to be true on chain, and the transaction that makes it so. */
export interface Wish {
  /** Names the wish: one transaction of it is on its way at a time. */
  readonly subject: string;
  readonly isDone: () => boolean;
  readonly build: (envelope: AuthorityEnvelope) => TxDraft;
}

/** Why this node cannot sign for the authority; undefined where it can. */
function cannotSign({ chain, signer }: AuthorityDeps): string | undefined {
  if (signer === undefined) return 'it was started without --campus-authority-key';
  const role = chain.state().get(ROWS.role, roleId(ROLE.campusAuthority));
  return role !== undefined && equalBytes(role.address, signer.address) ? undefined : `its key is ${formatAddress(signer.address)}, which is not the campus authority of this network`;
}

/** The transaction that is on its way, or a new one: an earlier one has ended without making the wish true. */
async function txOf({ chain, store, clock, signer }: AuthorityDeps, { subject, build }: Wish): Promise<AuthorityTxRow> {
  const held = await getRow(store, TABLES.authorityTx, subject);
  const status = held === undefined ? undefined : await chain.txStatus(held.txHash);
  const isOpen = status === undefined ? (held?.validUntilMs ?? 0) > clock.nowMs() : status.status === 'pending';
  if (held !== undefined && isOpen) return held;
  if (signer === undefined) throw new Error('asked to sign without a key');
  const validUntilMs = clock.nowMs() + TX_LIFE_MS;
  const draft = addSignature(build({ genesisHash: chain.genesisHash, authority: signer.address, validUntilMs }), signer);
  const row = { tx: toBase64Url(encodeTransaction(draft)), txHash: draft.txHash, validUntilMs };
  await store.batch([putRow(TABLES.authorityTx, subject, row)], { sync: true });
  return row;
}

/** Hands bytes to the chain and waits for what is wished, at most 10 s. */
export async function submitAndWait({ chain, waiter }: Pick<AuthorityDeps, 'chain' | 'waiter'>, bytes: Uint8Array, isDone: () => boolean): Promise<Settled> {
  const submitted = await chain.submit(bytes);
  if (!submitted.ok) return isDone() ? { kind: 'done', txHash: null } : { kind: 'refused', refusal: submitted.refusal };
  const { txHash } = submitted;
  const ended = await waiter.until(async () => (isDone() || (await chain.txStatus(txHash))?.status !== 'pending' ? true : undefined), SETTLE_WAIT_MS);
  return ended === true && isDone() ? { kind: 'done', txHash } : { kind: 'pending', txHash };
}

/** Makes a wish true on chain, or says why not. */
export async function settle(deps: AuthorityDeps, wish: Wish): Promise<Settled> {
  if (wish.isDone()) return { kind: 'done', txHash: (await getRow(deps.store, TABLES.authorityTx, wish.subject))?.txHash ?? null };
  const why = cannotSign(deps);
  if (why !== undefined) return { kind: 'refused', refusal: { code: 'no_campus_authority', why } };
  const { tx } = await deps.lane.run(() => txOf(deps, wish));
  const bytes = fromBase64Url(tx);
  if (bytes === undefined) throw new Error('a stored transaction is base64url');
  return await submitAndWait(deps, bytes, wish.isDone);
}
