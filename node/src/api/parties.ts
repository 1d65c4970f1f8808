/**
 * Whose accounts and transactions: wallets by their key and their student, merchants by the people of theirs. The chain
 * tells who sent what is final, the pool of what is not.
 */
import { bytesOfHex, equalBytes, formatAddress, ROWS, tillId, type ParsedTx } from '@billcoin/protocol';
import { accountsOf } from '../accountsOf.ts';
import type { Wallets } from '../campusPorts.ts';
import type { ChainPort, FinalTx } from '../ports.ts';
import { merchantOf, type Caller } from './caller.ts';

export interface Parties {
  /**
   * True for accounts of the caller's own key, of the other wallets of his student, of his merchant; finance and auditors
   * see all. Never for a partner: its program validates payments of its merchant and reads no accounts.
   */
  isOwnAccount(caller: Caller, address: Uint8Array): Promise<boolean>;
  /** True where one of the accounts that a final transaction touched is the caller's own. */
  isParty(caller: Caller, tx: Pick<FinalTx, 'body' | 'events'>): Promise<boolean>;
  /** The same of a transaction in the pool, which has touched nothing yet: its sender, and the merchant of the till it names. */
  isPartyOfPending(caller: Caller, tx: Pick<ParsedTx, 'body' | 'invoice'>): Promise<boolean>;
  /** Address of the first signer; undefined for a transaction that this node does not know. */
  senderOf(txHash: string): Promise<Uint8Array | undefined>;
}

/** The payment that a Pay, VoidInvoice or Refund is about; undefined for every other kind. */
export function paymentNamed({ body: { kind }, invoice }: Pick<ParsedTx, 'body' | 'invoice'>): { readonly tillNo: number; readonly ref: Uint8Array } | undefined {
  return kind.case === 'refund' ? kind.value : invoice;
}

export function openParties(chain: ChainPort, wallets: Pick<Wallets, 'studentOf'>): Parties {
  async function isOwnAccount(caller: Caller, address: Uint8Array): Promise<boolean> {
    switch (caller.role) {
      case 'finance':
      case 'auditor':
        return true;
      case 'partner':
        return false;
      case 'student':
        return equalBytes(caller.address, address) || (caller.studentRef !== undefined && (await wallets.studentOf(address)) === caller.studentRef);
      default:
        return merchantOf(caller) === formatAddress(address);
    }
  }
  return {
    isOwnAccount,
    async isParty(caller, { body, events }) {
      for (const account of accountsOf(body, events)) if (await isOwnAccount(caller, bytesOfHex(account))) return true;
      return false;
    },
    async isPartyOfPending(caller, tx) {
      if (await isOwnAccount(caller, tx.body.sender)) return true;
      const payment = paymentNamed(tx);
      const till = payment === undefined ? undefined : chain.state().get(ROWS.till, tillId(payment.tillNo));
      return till !== undefined && (await isOwnAccount(caller, till.merchant));
    },
    async senderOf(txHash) {
      const unfinal = chain.unfinalSender(txHash);
      if (unfinal !== undefined) return unfinal;
      const status = await chain.txStatus(txHash);
      return status?.status === 'final' ? (await chain.readFinal(status.height))?.txs[status.index]?.body.sender : undefined;
    },
  };
}
