/** /validators: who finalises blocks, and how diligently. */
import { bitOf, bytesOfHex, encode, formatAddress, formatLitres, indexOfKey, toBase64Url, toHex, ValidatorSet, validatorsHash, type stateRows } from '@billcoin/protocol';
import { COMMITS_MAX, ROUTES, type ValidatorDetail, type ValidatorView } from '@billcoin/sdk';
import { headerOf } from '../../finalBlock.ts';
import type { ChainPort } from '../../ports.ts';
import { serve, type Entry, type Reply } from '../entry.ts';
import type { RegistryIndex } from '../registryIndex.ts';
import { addressText, rowsOf, statusName } from './registry.ts';

/** By the number in the row, from 1. */
const STANDINGS = ['good', 'absent', 'tombstoned'] as const;

interface ValidatorDeps {
  readonly chain: ChainPort;
  readonly index: RegistryIndex;
}

function validatorViews({ chain, index }: ValidatorDeps): readonly ValidatorView[] {
  const powers = new Map(chain.validators.validators.map(({ publicKey, power }) => [toHex(publicKey), power]));
  return rowsOf<stateRows.ValidatorRow>(chain.state(), index, 'validator').map(({ id, row }) => ({
    address: addressText(id), publicKey: toHex(row.publicKey), name: row.name, status: statusName(row.status), power: powers.get(toHex(row.publicKey)) ?? 0,
    account: formatAddress(row.account), litres: formatLitres(row.stakeMl), shares: String(row.shares), commissionBps: row.commissionBps, standing: STANDINGS[row.standing - 1] ?? 'tombstoned',
  }));
}

/** By the certificates that this node holds: another may have waited for another quorum. */
async function commitsOf(chain: ChainPort, publicKey: Uint8Array): Promise<ValidatorDetail['commits']> {
  const tip = chain.tip().height;
  const commits = { blocks: 0, missed: 0 };
  for (let height = tip; height > Math.max(0, tip - COMMITS_MAX); height--) {
    const final = await chain.readHeader(height);
    if (final === undefined) return commits;
    const set = chain.validatorSet(headerOf(final).validatorsHash);
    const at = set === undefined ? undefined : indexOfKey(set, publicKey);
    if (at === undefined) continue;
    commits.blocks += 1;
    if (!bitOf(final.certificate.bitmap, at)) commits.missed += 1;
  }
  return commits;
}

async function getValidator(deps: ValidatorDeps, address: string): Promise<Reply<typeof ROUTES.getValidator>> {
  const view = validatorViews(deps).find((one) => one.address === address);
  if (view === undefined) return { problem: 'not_found' };
  return { status: 200, body: { ...view, height: deps.chain.tip().height, commits: await commitsOf(deps.chain, bytesOfHex(view.publicKey)) } };
}

export function validatorRoutes(deps: ValidatorDeps): readonly Entry[] {
  const { chain } = deps;
  return [
    serve(ROUTES.listValidators, async () => ({
      status: 200,
      body: { height: chain.tip().height, validatorsHash: toHex(validatorsHash(chain.validators)), set: toBase64Url(encode(ValidatorSet, chain.validators)), data: [...validatorViews(deps)] },
    })),
    serve(ROUTES.getValidator, ({ params: { address } }) => getValidator(deps, address)),
  ];
}
