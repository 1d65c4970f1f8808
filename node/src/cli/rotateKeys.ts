/** `billcoin rotate-keys`: new keys of the campus, in the key folder while no node runs, or over the API of the running one. */
import { rotateKeys as askForNewKeys } from '@billcoin/sdk';
import { ConfigError, type Config } from '../config.ts';
import { readGenesis } from '../node.ts';
import { rotateCampusKeys, type RotatedKeys } from '../offline/accounts.ts';
import { stoppedOrRunning } from './online.ts';
import type { Terminal } from './terminal.ts';

/** What each rotation leaves to be done. */
const AFTER: Readonly<Record<RotatedKeys, string>> = {
  pseudonyms: 'What was written keeps its pseudonyms. Back campus-keys.json up again, and give it to the nodes that stand by for this campus.',
  tokens: 'Tokens of the old key are good until they end, 15 minutes at most.',
};

/** Prints the new key's id. */
export async function rotateKeys(config: Config, terminal: Terminal, [which = '', ...more]: readonly string[]): Promise<number> {
  if ((which !== 'pseudonyms' && which !== 'tokens') || more.length > 0) throw new ConfigError('rotate-keys takes pseudonyms or tokens.');
  const genesis = await readGenesis(config.genesis);
  const say = (keyId: string): number => {
    terminal.print(`New key  ${keyId}`);
    terminal.print(AFTER[which]);
    return 0;
  };
  return await stoppedOrRunning(config, terminal, async () => say(await rotateCampusKeys(config, genesis, which)), async (client) => say(await askForNewKeys(client, { keys: which })));
}
