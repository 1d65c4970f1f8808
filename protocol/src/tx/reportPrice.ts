/** ReportPrice (kind 27; SPEC §6.6): a registered reporter says what a litre costs today; the last report of a day counts. */
import { compareBytes, equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { dayId, dayOf, ROWS } from '../state/layout.ts';
import { priceInForce } from '../state/price.ts';
import type { View } from '../state/view.ts';
import { ACTIVE } from '../wire/state.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import { valueOf, type Kind, type ParsedTx, type TxContext } from './context.ts';

function signers(view: View, tx: ParsedTx): Result<readonly Uint8Array[]> {
  const { sender } = tx.body;
  return view.get(ROWS.reporter, toHex(sender))?.status === ACTIVE ? ok([sender]) : fault('unknown_reporter');
}

function execute({ draft, env, tx, emit }: TxContext): Result<void> {
  const { senPerBill } = valueOf(tx, 'reportPrice');
  const reporter = tx.body.sender;
  const id = dayId(dayOf(env.timeMs));
  const today = draft.get(ROWS.price, id) ?? { senPerBill: priceInForce(draft, env), reports: [] };
  const others = today.reports.filter((report) => !equalBytes(report.reporter, reporter));
  const reports = [...others, { reporter, senPerBill }].sort((a, b) => compareBytes(a.reporter, b.reporter));
  draft.put(ROWS.price, id, { ...today, reports });
  emit({ case: 'priceReported', value: { reporter, senPerBill } });
  return ok(undefined);
}

export const reportPrice: Kind = {
  no: 27,
  name: 'reportPrice',
  fee: 'none',
  record: 'done',
  mustSucceed: true,
  maxBytes: TX_MAX_BYTES,
  form: () => undefined,
  signers,
  execute,
};
