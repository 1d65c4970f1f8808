/**
 * Acts about peers that lie in bytes: hosts with noise and yamux of the project's own libp2p and an admitted node key, which send what no build
 * of this network sends, as fast as they can, and dial again when they are cut. Strangers without such a key, and some without noise, knock besides.
 */
import { strict as assert } from 'node:assert';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256, toHex, utf8 } from '@billcoin/protocol';
import { keyPairOf } from '../../../src/crypto/keyFiles.ts';
import { CHANNELS, FRAME_KINDS, HEADER_BYTES } from '../../../src/network/frames.ts';
import { RawLibp2p, bareHost } from '../../network/libp2pWorld.ts';
import type { TestProcess } from '../../support/testProcess.ts';
import { WAIT_MS, advance, awake, describeMs, type Story } from './story.ts';

/** What a hostile peer does with one connection; called again as long as it stands. */
type Trick = (peer: { readonly raw: RawLibp2p; readonly below: (bytes: Uint8Array) => void; readonly noise: (length: number) => Uint8Array; readonly genesisHash: Uint8Array }) => void | Promise<void>;

interface Tactic {
  readonly name: string;
  readonly trick: Trick;
  /** The node bans it; else it is only refused, or cut. */
  readonly isBanned: boolean;
}

function frame(no: number, payload: Uint8Array, length: number = payload.length): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes[HEADER_BYTES - 1] = no;
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function numberOf(kind: string): number {
  const found = FRAME_KINDS.find((one) => one.kind === kind);
  assert(found !== undefined, `there is a kind ${kind}`);
  return found.no;
}

/** A vote in the right form, of a height far off, with a signature of noise. */
function forgedVote(noise: (length: number) => Uint8Array): Uint8Array {
  return Buffer.concat([new Uint8Array([0x0a, 4, 8, 1, 16, 1, 0x1a, 64]), noise(64)]);
}

const MANY_STREAMS = 64;
/** Messages in one turn: beyond every rate of the limits within a few. */
const BURST = 500;
const GARBAGE_BYTES = 65_536;

const TACTICS: readonly Tactic[] = [
  {
    name: 'random bytes', isBanned: true,
    trick({ raw, noise }) {
      for (const channel of CHANNELS) raw.write(channel, noise(GARBAGE_BYTES));
    },
  },
  { name: 'a frame of 4 GiB', isBanned: true, trick: ({ raw, noise }) => raw.write('consensus', frame(numberOf('block'), noise(GARBAGE_BYTES), 0xffff_ffff)) },
  { name: 'an unknown kind', isBanned: true, trick: ({ raw, noise }) => raw.write('sync', frame(200, noise(100))) },
  {
    name: 'a flood of questions', isBanned: true,
    trick({ raw }) {
      for (let i = 0; i < BURST; i++) raw.write('sync', frame(numberOf('getBlocks'), new Uint8Array([8, 1, 16, 16])));
    },
  },
  {
    name: 'a flood of forged votes', isBanned: true,
    trick({ raw, noise }) {
      const votes = Array.from({ length: BURST }, () => frame(numberOf('vote'), forgedVote(noise)));
      raw.write('consensus', Buffer.concat(votes));
    },
  },
  {
    name: 'many streams', isBanned: false,
    async trick({ raw, genesisHash }) {
      const [connection] = raw.host.getConnections();
      await Promise.allSettled(Array.from({ length: MANY_STREAMS }, async () => connection?.newStream(`/billcoin/${toHex(genesisHash.subarray(0, 8))}/consensus/1`)));
    },
  },
  { name: 'garbage below yamux', isBanned: false, trick: ({ below, noise }) => below(noise(GARBAGE_BYTES)) },
  {
    name: 'questions without reading an answer', isBanned: false,
    trick({ raw }) {
      raw.pause();
      raw.write('sync', frame(numberOf('getBlocks'), new Uint8Array([8, 1, 16, 16])));
    },
  },
];

/** Strangers that knock at once, and between two knocks. */
const STRANGERS = 8;
const KNOCK_MS = 100;

/** All of them at once against one node, for `forMs` and until each that lies is banned. */
export async function attack(story: Story, target: TestProcess, forMs: number): Promise<void> {
  const { load, guests, network } = story;
  const before = await bearing(target);
  const startMs = performance.now();
  let isOver = false;
  const goesOn = (): boolean => !isOver;
  // The first guest's key is left to a twin.
  const peers = TACTICS.map((tactic, i) => harass(story, target, tactic, guests[i + 1]!, goesOn));
  const strangers = Array.from({ length: STRANGERS }, (_, i) => knock(target, network.genesis.genesisHash, i, goesOn));
  await delay(forMs);
  const wanted = before.bans + TACTICS.filter(({ isBanned }) => isBanned).length;
  await target.until(`has banned ${wanted} times`, WAIT_MS, async () => (await target.metric('billcoin_network_bans_total')) >= wanted).finally(() => {
    isOver = true;
  });
  await Promise.all([...peers, ...strangers]);
  const attackedMs = performance.now();
  await advance(awake(story), 2);
  await target.until('has cut them all', WAIT_MS, async () => (await target.metric('billcoin_network_peers')) === awake(story).length - 1);
  // An honest peer may be in the middle of a message at any moment.
  await target.until('holds nothing of them', WAIT_MS, async () => (await target.metric('billcoin_network_receiving_bytes')) === 0);
  const after = await bearing(target);
  assert(after.residentMib - before.residentMib < MEMORY_MIB, `node ${target.index} took ${after.residentMib - before.residentMib} MiB more`);
  const [quiet, under] = [load.latenciesMs(startMs - forMs, startMs), load.latenciesMs(startMs, attackedMs)];
  story.say(`${TACTICS.length} hostile peers and ${STRANGERS} strangers for ${((attackedMs - startMs) / 1_000).toFixed(0)} s: ${after.bans - before.bans} bans, ${after.offences - before.offences} offences, ${after.residentMib - before.residentMib} MiB more; made to final before ${describeMs(quiet)}, during ${describeMs(under)}`);
}

/** What the queues and windows of all peers may hold together, and what V8 leaves lying. */
const MEMORY_MIB = 200;

async function bearing(node: TestProcess): Promise<{ readonly bans: number; readonly offences: number; readonly residentMib: number }> {
  const [bans, offences, resident] = await Promise.all(['billcoin_network_bans_total', 'billcoin_network_offences_total', 'billcoin_process_resident_memory_bytes'].map((name) => node.metric(name))) as [number, number, number];
  return { bans, offences, residentMib: Math.round(resident / 2 ** 20) };
}

/** Dials, does its trick until it is cut, and dials again. */
async function harass({ network: { genesis: { genesisHash } }, random }: Story, target: TestProcess, { trick }: Tactic, seed: Uint8Array, goesOn: () => boolean): Promise<void> {
  const { host, send } = await bareHost(seed);
  const raw = new RawLibp2p(host, toHex(keyPairOf(seed).publicKey), () => target.peerPort, genesisHash);
  const block = Uint8Array.from({ length: 2 * GARBAGE_BYTES }, () => Math.floor(random() * 256));
  const noise = (length: number): Uint8Array => {
    const at = Math.floor(random() * (block.length - length));
    return block.slice(at, at + length);
  };
  try {
    while (goesOn()) {
      try {
        await raw.connect({ key: target.nodeKey });
        while (!raw.isEnded() && goesOn()) {
          await trick({ raw, below: send, noise, genesisHash });
          await delay(10);
        }
      } catch {
        // banned: the node does not take it any more, which is what is wanted
      }
      await delay(KNOCK_MS);
    }
  } finally {
    await host.stop();
  }
}

/** A key that is not admitted, and a connection without noise, by turns. */
async function knock(target: TestProcess, genesisHash: Uint8Array, no: number, goesOn: () => boolean): Promise<void> {
  const { host } = await bareHost(sha256(utf8(`stranger ${no}`)));
  const raw = new RawLibp2p(host, '', () => target.peerPort, genesisHash);
  try {
    while (goesOn()) {
      const socket = connect(target.peerPort, '127.0.0.1');
      socket.on('error', () => undefined); // reset by the node, which is right
      socket.write(new Uint8Array(4_096).fill(0x13));
      await raw.connect({ key: target.nodeKey }).then(() => assert.fail('a stranger was let in'), (error: unknown) => {
        if (error instanceof assert.AssertionError) throw error;
      });
      await delay(KNOCK_MS);
      socket.destroy();
    }
  } finally {
    await host.stop();
  }
}
