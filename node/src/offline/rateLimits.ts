/** Rate limits of a node that does not run, as high as an administrator may set them. */
import { join } from 'node:path';
import { RATE_LIMIT_Q_MAX, RATE_POLICIES } from '@billcoin/sdk';
import { POLICIES } from '../campus/limits/policies.ts';
import { putRow, TABLES } from '../campus/store.ts';
import { CAMPUS_FOLDER } from '../storage/dataFolder.ts';
import { openKeyValueLevel } from '../storage/keyValueLevel.ts';

/** For loads in which a few keys stand for a crowd. The data folder must exist and no node run in it. */
export async function liftRateLimits(dataDir: string): Promise<void> {
  const store = await openKeyValueLevel(join(dataDir, CAMPUS_FOLDER), () => undefined);
  try {
    const rows = RATE_POLICIES.map((policy) => putRow(TABLES.rateLimit, policy, { q: RATE_LIMIT_Q_MAX, windowS: Math.min(1, POLICIES[policy].windowS) }));
    await store.batch(rows, { sync: true });
  } finally {
    await store.close();
  }
}
