/**
 * The oracle's connection to a broker: MQTT 3.1.1, QoS 1, persistent session, reconnecting for ever. A message is
 * acknowledged (PUBACK) only after its handler resolved, that is after it is durable: mqtt.js holds the PUBACK until the
 * callback of handleMessage and takes no other message meanwhile, so the broker keeps what we have not taken.
 */
import mqtt from 'mqtt';

/** Reconnect after 0.5 s, doubling to 30 s: quick after a restart of the broker, gentle to one that is down. */
const RECONNECT_FIRST_MS = 500;
const RECONNECT_MAX_MS = 30_000;
const KEEPALIVE_S = 30;
const CONNECT_TIMEOUT_MS = 10_000;
/** Receipts sent and not yet acknowledged by the broker; beyond it they are owed instead of queued in memory. */
const IN_FLIGHT_MAX = 512;

export interface BrokerOptions {
  /** mqtt://host:port, mqtts://… */
  readonly url: string;
  /** Stable: the broker keeps the session under it. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly filters: readonly string[];
}

export interface BrokerEvents {
  /** Resolves when the message is durable; a rejection leaves it unacknowledged and is reported to onFatal. */
  onMessage(topic: string, payload: Uint8Array): Promise<void>;
  /** Connected and subscribed. */
  onReady(): void;
  onDown(why: string): void;
  onFatal(error: unknown): void;
}

export interface Broker {
  connected(): boolean;
  inFlight(): number;
  /** False: not taken, the broker is away or too much is in flight. QoS 1. */
  publish(topic: string, payload: Uint8Array): boolean;
  close(): Promise<void>;
}

function subscribe(client: mqtt.MqttClient, filters: readonly string[], events: BrokerEvents): void {
  client.subscribe([...filters], { qos: 1 }, (error) => {
    if (error instanceof Error) events.onDown(`subscription failed: ${error.message}`);
    else events.onReady();
  });
}

/** Connects in the background; never throws for a broker that is away. */
export function connectBroker(options: BrokerOptions, events: BrokerEvents): Broker {
  const client = mqtt.connect(options.url, {
    protocolVersion: 4, clean: false, clientId: options.clientId, keepalive: KEEPALIVE_S, connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: RECONNECT_FIRST_MS, resubscribe: false, queueQoSZero: false,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
  });
  let inFlight = 0;
  let closing = false;

  client.handleMessage = (packet, callback) => {
    const payload = typeof packet.payload === 'string' ? new TextEncoder().encode(packet.payload) : new Uint8Array(packet.payload);
    // After a rejection the callback is never called: no PUBACK, and no further message on this connection.
    events.onMessage(packet.topic, payload).then(() => callback(), (error: unknown) => events.onFatal(error));
  };
  client.on('connect', () => {
    client.options.reconnectPeriod = RECONNECT_FIRST_MS;
    subscribe(client, options.filters, events);
  });
  client.on('close', () => {
    if (closing) return;
    client.options.reconnectPeriod = Math.min(RECONNECT_MAX_MS, (client.options.reconnectPeriod ?? RECONNECT_FIRST_MS) * 2);
    events.onDown('connection closed');
  });
  client.on('error', (error) => events.onDown(error.message));

  return {
    connected: () => client.connected,
    inFlight: () => inFlight,
    publish(topic, payload) {
      if (!client.connected || inFlight >= IN_FLIGHT_MAX) return false;
      inFlight += 1;
      client.publish(topic, Buffer.from(payload), { qos: 1 }, (error) => {
        inFlight -= 1;
        if (error instanceof Error && !closing) events.onDown(`publish failed: ${error.message}`);
      });
      return true;
    },
    async close() {
      closing = true;
      await client.endAsync(true);
    },
  };
}
