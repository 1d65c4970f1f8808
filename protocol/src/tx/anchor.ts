/** Anchor (kind 44; SPEC §5.2): a role writes the head of a log into the chain. The event is all: no row grows with it. */
import { ok, type Result } from '../lib/fault.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import { valueOf, type Kind, type TxContext } from './context.ts';
import { signedByAnyRole } from './roles.ts';

function execute({ tx, emit }: TxContext): Result<void> {
  const { topic, hash } = valueOf(tx, 'anchor');
  emit({ case: 'anchored', value: { by: tx.body.sender, topic, hash } });
  return ok(undefined);
}

export const anchor: Kind = {
  no: 44,
  name: 'anchor',
  fee: 'none',
  record: 'done',
  mustSucceed: true,
  maxBytes: TX_MAX_BYTES,
  form: () => undefined,
  signers: signedByAnyRole,
  execute,
};
