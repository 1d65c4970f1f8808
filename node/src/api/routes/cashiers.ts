/** /cashiers: the manager of a merchant says who may stand at which till. */
import { formatAddress, ROWS, tillId } from '@billcoin/protocol';
import { ROUTES, type Cashier as CashierView } from '@billcoin/sdk';
import type { Cashier, CashierResult, Cashiers } from '../../merchantPorts.ts';
import type { ChainPort } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { merchantOf, tillOf } from '../caller.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, pageOf } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';
import { ownMerchant } from './products.ts';

type List = typeof ROUTES.listCashiers;
type Post = typeof ROUTES.postCashier;
type Patch = typeof ROUTES.patchCashier;

const CASHIER_ID = /^csh_[0-9A-HJKMNP-TV-Z]{26}$/;

function cashierView({ cashierId, name, tills, createdAtMs }: Cashier): CashierView {
  return { cashierId, name, tills: [...tills], createdAt: rfc3339(createdAtMs) };
}

/** The first of these tills that is none of the merchant's. */
function foreignTill(chain: ChainPort, merchant: string, tills: readonly number[] = []): Refusal | undefined {
  const foreign = tills.find((tillNo) => {
    const till = chain.state().get(ROWS.till, tillId(tillNo));
    return till === undefined || formatAddress(till.merchant) !== merchant;
  });
  return foreign === undefined ? undefined : { problem: 'unknown_till', detail: `Till ${foreign} is none of yours.` };
}

function replyOf(done: CashierResult): Refusal | { readonly status: 200; readonly body: CashierView } {
  return done.ok ? { status: 200, body: cashierView(done.cashier) } : { problem: done.code };
}

async function list(cashiers: Cashiers, { caller, query }: ApiRequest<List>): Promise<Reply<List>> {
  const { limit = LIMIT_DEFAULT, cursor } = query;
  const after = cursor === undefined ? undefined : fromCursor(cursor, CASHIER_ID);
  if (cursor !== undefined && after === undefined) return badCursor;
  const [merchant, tillNo] = [merchantOf(caller), tillOf(caller)];
  const all = merchant === undefined ? [] : await cashiers.list(merchant);
  const own = all.filter(({ tills }) => tillNo === undefined || tills.includes(tillNo));
  return { status: 200, body: pageOf(own.map(cashierView), ({ cashierId }) => cashierId, limit, after) };
}

async function post(chain: ChainPort, cashiers: Cashiers, { caller, body }: ApiRequest<Post>): Promise<Reply<Post>> {
  const merchant = ownMerchant(caller);
  if (typeof merchant !== 'string') return merchant;
  const refusal = foreignTill(chain, merchant, body.tills);
  if (refusal !== undefined) return refusal;
  const added = await cashiers.add(merchant, body);
  return added.ok ? { status: 201, body: cashierView(added.cashier) } : { problem: added.code };
}

async function patch(chain: ChainPort, cashiers: Cashiers, { caller, params, body }: ApiRequest<Patch>): Promise<Reply<Patch>> {
  const merchant = ownMerchant(caller);
  if (typeof merchant !== 'string') return merchant;
  return foreignTill(chain, merchant, body.tills) ?? replyOf(await cashiers.change(merchant, params.cashierId, body));
}

export function cashierRoutes(chain: ChainPort, cashiers: Cashiers): readonly Entry[] {
  return [
    serve(ROUTES.listCashiers, (request) => list(cashiers, request)),
    serve(ROUTES.postCashier, (request) => post(chain, cashiers, request)),
    serve(ROUTES.patchCashier, (request) => patch(chain, cashiers, request)),
    serve(ROUTES.deleteCashier, async ({ caller, params }) => {
      const merchant = ownMerchant(caller);
      return typeof merchant === 'string' ? replyOf(await cashiers.remove(merchant, params.cashierId)) : merchant;
    }),
  ];
}
