/** One start on damaged databases in a process of its own; what the chain was comes on standard input, the outcome goes out. */
import { text } from 'node:stream/consumers';
import { makeConfig } from '../../src/config.ts';
import { readGenesis } from '../../src/node.ts';
import { judge } from '../support/judgeStart.ts';

interface Told {
  readonly flags: Readonly<Record<string, string>>;
  readonly ids: readonly string[];
  readonly places: readonly (readonly [string, string])[];
  readonly tip: number;
  readonly farmMl: string;
}

const { flags, ids, places, tip, farmMl } = JSON.parse(await text(process.stdin)) as Told;
const config = makeConfig(flags, {});
process.stdout.write(`${await judge({ config, genesis: await readGenesis(config.genesis), ids, places: new Map(places), tip, farmMl: BigInt(farmMl) })}\n`);
process.exit(0);
