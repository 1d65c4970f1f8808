/** The gate (SPEC §4): what must hold for a transaction to stand in a block at all. */
import { equalBytes } from '../lib/bytes.ts';
import type { Fault, Result } from '../lib/fault.ts';
import { assert } from '../lib/assert.ts';
import { ROWS } from '../state/layout.ts';
import { balanceOf } from '../state/money.ts';
import { paramsOf } from '../state/params.ts';
import type { View } from '../state/view.ts';
import type { BlockEnv, NetworkContext, ParsedTx } from '../tx/context.ts';
import { kindOf } from '../tx/kinds.ts';
import { checkSigners, type ShownPolicy } from '../tx/signers.ts';

/** Account that pays the flat fee; undefined where there is none. */
export function feePayer(view: View, tx: ParsedTx): Uint8Array | undefined {
  const kind = kindOf(tx.body.kind.case);
  return kind.fee === 'sender' ? tx.body.sender : kind.feePayer?.(view, tx);
}

/** Whether it costs nothing at all, so that its number in a block is limited. A Pay has no flat fee, but a share. */
export function isFeeFree(view: View, tx: ParsedTx): boolean {
  const { fee } = kindOf(tx.body.kind.case);
  return fee === 'none' || (fee === 'merchant' && feePayer(view, tx) === undefined);
}

/** Time and replay. The bounds of a Pay or VoidInvoice are those of its invoice, its replay record the invoice's (SPEC §6). */
function checkTimes(view: View, tx: ParsedTx, env: BlockEnv): Fault | undefined {
  if (kindOf(tx.body.kind.case).record === 'invoice') return undefined;
  const { validUntilMs } = tx.body;
  if (env.timeMs > validUntilMs) return { code: 'expired' };
  if (validUntilMs > env.timeMs + paramsOf(view).txLifeMaxMs) return { code: 'valid_until_too_far' };
  return view.get(ROWS.done, tx.txHash) === undefined ? undefined : { code: 'already_executed' };
}

function checkFee(view: View, tx: ParsedTx): Fault | undefined {
  const payer = feePayer(view, tx);
  if (payer === undefined) return tx.body.feeMl === 0n ? undefined : { code: 'malformed', path: 'TxBody.feeMl', why: 'must be absent: this signer pays no fee' };
  const { minFeeMl } = paramsOf(view);
  if (tx.body.feeMl < minFeeMl) return { code: 'fee_too_low', minFeeMl };
  // The merchant's money under the till's signature: a stolen till has a daily limit and must not burn the rest as fees.
  if (tx.body.feeMl > minFeeMl && !equalBytes(payer, tx.body.sender)) return { code: 'over_till_cap' };
  const haveMl = balanceOf(view, payer);
  return haveMl < tx.body.feeMl ? { code: 'insufficient_balance', needMl: tx.body.feeMl, haveMl } : undefined;
}

/** Every signature of the envelope by the one rule. The node's verifier remembers what it checked at admission. */
function checkSignatures(network: NetworkContext, tx: ParsedTx): Fault | undefined {
  const allHold = tx.signatures.every(({ publicKey, message, signature }) => network.verify(publicKey, message, signature));
  return allHold ? undefined : { code: 'bad_signature' };
}

/**
 * @returns the policies the transaction shows for the first time, or the fault that keeps it out of the block.
 */
export function passGate(network: NetworkContext, view: View, tx: ParsedTx, env: BlockEnv): Result<readonly ShownPolicy[]> {
  const late = checkTimes(view, tx, env);
  if (late !== undefined) return { ok: false, fault: late };
  const kind = kindOf(tx.body.kind.case);
  const signers = kind.signers(view, tx, env);
  if (!signers.ok) return signers;
  assert(equalBytes(signers.value[0] ?? new Uint8Array(0), tx.body.sender), 'the sender is the first signer');
  const shown = checkSigners(view, tx, signers.value);
  if (!shown.ok) return shown;
  const refusal = checkFee(view, tx) ?? checkSignatures(network, tx);
  return refusal === undefined ? shown : { ok: false, fault: refusal };
}
