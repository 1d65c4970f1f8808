/** A process that rotates the keys of pseudonyms until it is killed; says each id once it is on disk. */
import { pseudonymKeyId } from '../../src/campus/crypto.ts';
import { openCampusKeys } from '../../src/campus/keyFile.ts';

const { keys, rotatePurposes } = await openCampusKeys(process.argv[2] ?? '');
for (;;) {
  await rotatePurposes();
  process.send?.(pseudonymKeyId(keys));
}
