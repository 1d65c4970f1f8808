/**
 * Every file of the repository that is made from code. To add one: write a function that returns the
 * whole text (deterministic: no date, no path of this machine, sorted), put it in a file of this
 * folder, and add a line here. `npm run generate` writes it, `npm run generated:check` compares it.
 */

import { makeConfigDoc, makeOpenApi } from '@billcoin/node';
import { wireFiles } from '@billcoin/protocol';
import { makeBlockVectors } from '../vectors/block.ts';
import { makeCodecVectors } from '../vectors/codec.ts';
import { makeConsensusVectors } from '../vectors/consensus.ts';
import { makeGenesisVectors } from '../vectors/genesis.ts';
import { makeInvoiceVectors } from '../vectors/invoice.ts';
import { makeLightClientVectors } from '../vectors/lightClient.ts';
import { makeProofVectors } from '../vectors/proofs.ts';
import { makeReadingVectors } from '../vectors/reading.ts';
import { makeSignatureVectors } from '../vectors/signature.ts';
import { makeStateTreeVectors } from '../vectors/stateTree.ts';
import { makeTransactionVectors } from '../vectors/transaction.ts';
import { makeDashboard } from './dashboard.ts';
import { DASHBOARDS } from './dashboards.ts';
import { makeErrorsDoc } from './errorsDoc.ts';
import { makeMetricsDoc } from './metricsDoc.ts';
import { makeNetworkDoc } from './networkDoc.ts';
import { makeProto } from './proto.ts';
import { makeRulesDoc } from './rulesDoc.ts';

/** One generated file: its path from the root of the repository, and how its text is made. */
export type Generator = { path: string; make(): Promise<string> };

const files = wireFiles();
const protos = files.map((file): Generator => ({ path: `protocol/src/wire/${file.name}.proto`, make: async () => makeProto(file, files) }));

function vectors(name: string, make: () => string): Generator {
  return { path: `protocol/vectors/${name}.json`, make: async () => make() };
}

function page(name: string, make: () => string | Promise<string>): Generator {
  return { path: `docs/${name}`, make: async () => make() };
}

/** All of them, in the order they are made. */
export const GENERATORS: readonly Generator[] = [
  ...protos,
  vectors('block', makeBlockVectors),
  vectors('codec', makeCodecVectors),
  vectors('consensus', makeConsensusVectors),
  vectors('genesis', makeGenesisVectors),
  vectors('invoice', makeInvoiceVectors),
  vectors('lightClient', makeLightClientVectors),
  vectors('proofs', makeProofVectors),
  vectors('reading', makeReadingVectors),
  vectors('signature', makeSignatureVectors),
  vectors('stateTree', makeStateTreeVectors),
  vectors('transaction', makeTransactionVectors),
  page('config.md', makeConfigDoc),
  page('errors.md', makeErrorsDoc),
  page('metrics.md', makeMetricsDoc),
  page('network.md', makeNetworkDoc),
  page('rules.md', makeRulesDoc),
  ...DASHBOARDS.map((table): Generator => ({ path: `deploy/grafana/dashboards/${table.name}.json`, make: async () => makeDashboard(table) })),
  page('openapi.json', () => `${JSON.stringify(makeOpenApi(), undefined, 2)}\n`),
];
