/**
 * The dairy's line to the broker: every message is sent again until oracles have signed receipts for all of its readings.
 * PUBACK says that the broker has it in memory, which is not durable; the receipts are.
 */
import mqtt from 'mqtt';
import { toHex } from '@billcoin/protocol';
import { pause } from './settle.ts';
import { isStored, readReceipt, type OracleKeys } from './receipt.ts';

const RESEND_MS = 2_500;
const TICK_MS = 250;
const RECONNECT_MS = 300;
/** Readings of a few lots; a line that is fuller has lost its oracles. */
const MESSAGES_MAX = 1_000;
/** After the quorum an oracle that is still away gets this long; then it fetches what it needs from others or stays silent. */
const LATE_MS = 60_000;

export interface Outgoing {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Hex of the 16-byte device. */
  readonly device: string;
  readonly epoch: number;
  readonly seqs: readonly number[];
}

interface Pending extends Outgoing {
  readonly stored: Set<string>;
  readonly sinceMs: number;
  sentMs: number;
}

export class DeviceLine {
  readonly #client: mqtt.MqttClient;
  readonly #pending = new Set<Pending>();
  readonly #timer: NodeJS.Timeout;
  readonly #quorum: number;
  readonly #oracles: OracleKeys;

  constructor(url: string, genesisHash: Uint8Array, oracles: OracleKeys, quorum: number, devices: readonly Uint8Array[]) {
    this.#quorum = quorum;
    this.#oracles = oracles;
    this.#client = mqtt.connect(url, { protocolVersion: 4, clean: true, reconnectPeriod: RECONNECT_MS, queueQoSZero: false });
    this.#client.on('connect', () => this.#client.subscribe(devices.map((device) => `mmu/v1/rcpt/${toHex(device)}/+`), { qos: 1 }));
    this.#client.on('error', (error) => console.error(`broker: ${error.message}`)); // it reconnects by itself
    this.#client.on('message', (_topic, payload) => {
      const receipt = readReceipt(genesisHash, oracles, new Uint8Array(payload));
      if (receipt !== undefined) this.#take(receipt);
    });
    this.#timer = setInterval(() => this.#resend(), TICK_MS);
  }

  /** Publishes once, without receipts: manifests, and messages that are meant to be refused. */
  publish(topic: string, payload: Uint8Array, retain = false): void {
    if (this.#client.connected) this.#client.publish(topic, Buffer.from(payload), { qos: 1, retain });
  }

  /** Publishes until receipted. */
  send(message: Outgoing): void {
    if (this.#pending.size >= MESSAGES_MAX) throw new Error(`${MESSAGES_MAX} messages wait for receipts: are the oracles running?`);
    this.#pending.add({ ...message, stored: new Set(), sinceMs: Date.now(), sentMs: 0 });
    this.#resend();
  }

  /** Resolves when a quorum of oracles has every reading sent so far. */
  async stored(patienceMs: number): Promise<void> {
    const sent = [...this.#pending];
    const endMs = Date.now() + patienceMs;
    while (sent.some((message) => message.stored.size < this.#quorum)) {
      if (Date.now() > endMs) throw new Error(`no receipts from ${this.#quorum} oracles after ${patienceMs} ms`);
      await pause(TICK_MS / 5);
    }
  }

  #take(receipt: NonNullable<ReturnType<typeof readReceipt>>): void {
    const device = toHex(receipt.device);
    for (const message of this.#pending) {
      if (message.device !== device || message.epoch !== receipt.epoch || !message.seqs.every((seq) => isStored(receipt, seq))) continue;
      message.stored.add(toHex(receipt.oracle));
      if (message.stored.size === this.#oracles.size) this.#pending.delete(message);
    }
  }

  #resend(): void {
    const nowMs = Date.now();
    for (const message of this.#pending) {
      if (message.stored.size >= this.#quorum && nowMs - message.sinceMs > LATE_MS) this.#pending.delete(message);
      else if (this.#client.connected && nowMs - message.sentMs >= RESEND_MS) {
        message.sentMs = nowMs;
        this.publish(message.topic, message.payload);
      }
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#client.endAsync(true);
  }
}
