/** The order of a manifest: device, epoch, seq. */
import { compareBytes, type ReadingBody } from '@billcoin/protocol';

type Place = Pick<ReadingBody, 'device' | 'epoch' | 'seq'>;

/** Negative, zero or positive like every comparator; zero is a fork. */
export function compareInManifest(a: Place, b: Place): number {
  const byDevice = compareBytes(a.device, b.device);
  if (byDevice !== 0) return byDevice;
  return a.epoch === b.epoch ? a.seq - b.seq : a.epoch - b.epoch;
}
