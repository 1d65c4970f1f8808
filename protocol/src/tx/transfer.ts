/** Transfer (kind 1): moves millilitres from the sender to any other account. */
import { equalBytes } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { credit, debit } from '../state/money.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import { valueOf, type Kind, type TxContext } from './context.ts';

function execute({ tx, draft, emit }: TxContext): Result<void> {
  const { to, amountMl, reference } = valueOf(tx, 'transfer');
  const from = tx.body.sender;
  if (equalBytes(from, to)) return fault('self_payment');
  const paid = debit(draft, from, amountMl);
  if (!paid.ok) return paid;
  credit(draft, to, amountMl);
  emit({ case: 'transferred', value: { from, to, amountMl, reference } });
  return ok(undefined);
}

export const transfer: Kind = {
  no: 1,
  name: 'transfer',
  fee: 'sender',
  record: 'done',
  mustSucceed: false,
  maxBytes: TX_MAX_BYTES,
  form: () => undefined,
  signers: (_view, tx) => ok([tx.body.sender]),
  execute,
};
