/** R01–R08: bytes, envelope, identity, replay. */
import { equalBytes, SIGNED_MAX_BYTES, stateRows, toHex } from '@billcoin/protocol';
import { VERDICT, type Check, type Outcome } from './case.ts';

const unproven = (value: string, limit: string): Outcome => ({ value, limit, stop: 'unproven' });

/** R01 at a reading: its size, and at intake the topic and its device. Whole payloads are measured before (openEnvelope). */
export const checkSizeAndTopic: Check = ({ reading, body, topicDevice }) => {
  const { length } = reading.evidence.body;
  if (length > SIGNED_MAX_BYTES) return unproven(`${length} bytes`, `1..${SIGNED_MAX_BYTES} bytes`);
  if (topicDevice === undefined) return undefined;
  if (topicDevice === null) return unproven('another topic', 'mmu/v1/{site}/{device}/r or /rb');
  if (body !== undefined && toHex(body.device) !== topicDevice) return unproven(`device ${toHex(body.device)}`, `device ${topicDevice} of the topic`);
  return undefined;
};

/** R02: decode, bounds, canonical form; judged once when the evidence was read. */
export const checkForm: Check = ({ reading, body }) => (body === undefined ? unproven(reading.why ?? 'no body', 'strict protobuf within its bounds') : undefined);

/** R03: made for this chain. */
export const checkChainTag: Check = ({ body, chainTag }) =>
  body === undefined || equalBytes(body.chainTag, chainTag) ? undefined : unproven(toHex(body.chainTag), toHex(chainTag));

/**
 * R04: the device is registered, active, its key valid at timeMs and bound to this site, and its owner an active farm or
 * plant. Owners of another kind need a registry of their own first. fromMs ≤ timeMs < untilMs; a revocation has ended
 * untilMs where it says, so that what an honest device measured before still counts (SPEC §5.2).
 */
export const checkRegistered: Check = ({ body, registry }) => {
  if (body === undefined) return undefined;
  const device = registry.devices.get(toHex(body.device));
  if (device === undefined) return unproven('unknown device', 'a registered device');
  if (device.status !== stateRows.ACTIVE && device.status !== stateRows.REVOKED) return { value: `device status ${device.status}`, limit: 'active' };
  if (body.timeMs < device.fromMs || body.timeMs >= device.untilMs) return { value: `timeMs ${body.timeMs}`, limit: `${device.fromMs}..${device.untilMs}${device.status === stateRows.REVOKED ? ', revoked' : ''}` };
  if (!equalBytes(device.site, body.site)) return { value: `site ${toHex(body.site)}`, limit: `site ${toHex(device.site)}` };
  const owner = toHex(device.owner);
  const status = registry.farms.get(owner)?.status ?? registry.plants.get(owner)?.status;
  if (status !== stateRows.ACTIVE) return { value: status === undefined ? 'owner is neither farm nor plant' : `owner status ${status}`, limit: 'active owner' };
  return undefined;
};

/** R05: the device's registered key signed exactly these bytes, alone or in a batch. */
export const checkSignature: Check = ({ reading, body, registry, signedBy }) => {
  if (body === undefined) return undefined;
  const device = registry.devices.get(toHex(body.device));
  const { evidence } = reading;
  if (device !== undefined && evidence.alg === device.alg && signedBy(evidence, device.publicKey)) return undefined;
  return unproven('no valid signature', 'signature of the registered key');
};

/** R06: known already. The receipt is sent again, no second row is written. */
export const checkDuplicate: Check = ({ history }) => (history.duplicate ? { value: 'stored before', limit: 'one row an id', stop: 'known' } : undefined);

/** R07: two bodies at one (device, epoch, seq) are a stolen key or a cloned device. A locked device's readings wait. */
export const checkFork: Check = ({ history }) => {
  if (history.otherAtSeq !== undefined) return { value: `other reading ${history.otherAtSeq}`, limit: 'one reading a (device, epoch, seq)' };
  return history.locked ? { verdict: VERDICT.hold, value: 'device locked by a fork', limit: 'no fork' } : undefined;
};

/** R08: an epoch further behind the newest than a late delivery explains. */
export const checkEpoch: Check = ({ body, history, profile }) => {
  if (body === undefined || history.newestEpoch === undefined) return undefined;
  const oldest = history.newestEpoch - profile.epochsBack;
  return body.epoch < oldest ? { value: `epoch ${body.epoch}`, limit: `at least ${oldest}` } : undefined;
};
