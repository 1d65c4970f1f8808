/**
 * Receipts: what an oracle tells a device about what is on disk (`mmu/v1/rcpt/{device}/{oracle}`). They are signed, so a
 * broker cannot make a device delete its readings, and coalesced: one per device, epoch and committed batch. A receipt
 * that cannot be sent now is owed: the cursor is repeated later.
 */
import { setImmediate } from 'node:timers/promises';
import { chainTag, encode, bytesOfHex, Receipt, ReceiptBody, signingBytes, type ReadingResult } from '@billcoin/protocol';
import type { Signer } from '@billcoin/sdk';
import { readCursor } from '../intake/history.ts';
import type { Taken } from '../intake/takeMessage.ts';
import { receiptTopic } from '../reading/topic.ts';
import { bitmapOf } from '../store/cursor.ts';
import type { Store } from '../store/store.ts';

/** Results of one receipt (oracle page §2.1). */
const RESULTS_MAX = 64;
/** Devices that are owed a receipt; beyond it the device asks by sending again. */
const OWED_MAX = 10_000;
/** Receipts signed before other work gets a turn: a signature takes about 0.5 ms. */
const SLICE = 32;

export interface ReceiptDesk {
  readonly genesisHash: Uint8Array;
  readonly oracle: Signer;
  readonly nowMs: () => number;
  /** False: not sent, because the broker is away or too much is in flight. */
  readonly publish: (topic: string, payload: Uint8Array) => boolean;
}

export interface Receipts {
  /** Sends the receipts of a batch that is durable. */
  send(taken: readonly Taken[]): void;
  /** Sends what is owed: after a reconnect, and for every known device after a start (kill point 3). */
  repeatOwed(): Promise<void>;
  /** Marks the newest epoch of every known device as owed. */
  oweAll(): Promise<void>;
  owed(): number;
}

/** Signs one receipt: bill/receipt/1 over the body. */
export function signReceipt(genesisHash: Uint8Array, oracle: Signer, body: ReceiptBody): Uint8Array {
  const bytes = encode(ReceiptBody, body);
  return encode(Receipt, { body: bytes, sig: oracle.sign(signingBytes('bill/receipt/1', genesisHash, bytes)) });
}

export function makeReceipts(store: Store, desk: ReceiptDesk): Receipts {
  const owed = new Map<string, { readonly device: string; readonly epoch: number }>();
  const tag = chainTag(desk.genesisHash);

  function owe(device: string, epoch: number): void {
    if (owed.size < OWED_MAX) owed.set(`${device}/${epoch}`, { device, epoch });
  }

  function sendOne(device: string, epoch: number, results: readonly ReadingResult[]): boolean {
    const cursor = readCursor(store, device, epoch);
    const bytes = bytesOfHex(device);
    const body: ReceiptBody = {
      chainTag: tag, oracle: desk.oracle.address, device: bytes, epoch, nextSeq: cursor.nextSeq, bitmap: bitmapOf(cursor), results, timeMs: desk.nowMs(),
    };
    return desk.publish(receiptTopic(bytes, desk.oracle.address), signReceipt(desk.genesisHash, desk.oracle, body));
  }

  return {
    send(taken) {
      const groups = new Map<string, { readonly device: string; readonly epoch: number; readonly results: ReadingResult[] }>();
      for (const { receipt } of taken) {
        if (receipt === undefined) continue;
        const key = `${receipt.device}/${receipt.epoch}`;
        const group = groups.get(key) ?? { device: receipt.device, epoch: receipt.epoch, results: [] };
        group.results.push(receipt.result);
        groups.set(key, group);
      }
      for (const { device, epoch, results } of groups.values()) {
        for (let from = 0; from < results.length; from += RESULTS_MAX) {
          if (!sendOne(device, epoch, results.slice(from, from + RESULTS_MAX))) owe(device, epoch);
        }
      }
    },
    async repeatOwed() {
      const due = [...owed];
      for (const [index, [key, { device, epoch }]] of due.entries()) {
        if (index % SLICE === SLICE - 1) await setImmediate();
        if (!sendOne(device, epoch, [])) return;
        owed.delete(key);
      }
    },
    async oweAll() {
      const newest = new Map<string, number>();
      for (const key of await store.keys({ prefix: 'c', limit: OWED_MAX })) {
        const [, device = '', epoch = '0'] = key.split('/');
        newest.set(device, Number(epoch)); // keys ascend, so the last epoch stays
      }
      for (const [device, epoch] of newest) owe(device, epoch);
    },
    owed: () => owed.size,
  };
}
