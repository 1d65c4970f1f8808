/**
 * The checkpoint file of an operator (SPEC §16.2). It is read again for each request, so that a new one is served as soon
 * as it is put in place, and only if more than two thirds of the pinned keys signed it.
 */
import { readFile } from 'node:fs/promises';
import { parseCheckpoint, verifyCheckpointSignatures, type Genesis, type SignedCheckpoint, type Verdict, type Verifier } from '@billcoin/protocol';
import type { Log } from './ports.ts';

/** Reads and checks a file. Refusals: `malformed`, `checkpoint_not_signed`, `bad_signature`. I/O failures throw. */
export async function readCheckpointFile(path: string, genesis: Genesis, verify: Verifier): Promise<Verdict<SignedCheckpoint>> {
  const parsed = parseCheckpoint(await readFile(path, 'utf8'));
  if (!parsed.ok) return parsed;
  const verified = verifyCheckpointSignatures({ genesisHash: genesis.genesisHash, verify }, genesis.spec.checkpointKeys, parsed.value);
  return verified.ok ? parsed : verified;
}

/** What the API serves: the newest good file, or nothing. A bad one is the operator's to mend, and said once per content. */
export function checkpointSource(path: string | undefined, genesis: Genesis, verify: Verifier, log: Log): () => Promise<SignedCheckpoint | undefined> {
  let said = '';
  return async () => {
    if (path === undefined) return undefined;
    let problem: string;
    try {
      const read = await readCheckpointFile(path, genesis, verify);
      if (read.ok) return read.value;
      problem = `${read.refusal.code}: ${read.refusal.why}`;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (problem !== said) log.error({ path, problem }, 'The checkpoint file is not served');
    said = problem;
    return undefined;
  };
}
