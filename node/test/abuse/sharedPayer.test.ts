/** A payer of several keys: k of n sign, the account pays, and the attempt is booked on the account and on none of its members. */
import t, { type Test } from 'tap';
import { encodePolicy, policyAddress, toBase64Url } from '@billcoin/protocol';
import { addSignature, attachSignature, buildPay, encodeTransaction, getOrder, type Key, type TxDraft } from '@billcoin/sdk';
import type { AbuseControl } from '../../src/abusePorts.ts';
import { sdkKey, wallet, type Answer, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';
import { openAbuseWorld } from './abuseWorld.ts';

const [ali, siti, tan] = [wallet('ali'), wallet('siti'), wallet('tan')];
const MEMBERS = [ali, siti, tan];
const POLICY = encodePolicy(2, MEMBERS.map(({ publicKey }) => publicKey).sort((a, b) => Buffer.compare(a, b)));
const CLUB = policyAddress(POLICY);

interface Club {
  readonly world: World;
  readonly abuse: AbuseControl;
  /** Attempts that are left, of the account and of its members one by one. */
  left(): Promise<readonly number[]>;
  draft(invoice: Uint8Array, policies?: readonly Uint8Array[]): TxDraft;
  post(draft: TxDraft): Promise<Answer>;
}

/** A students' club of three, of whom two sign, with milk in its account. */
async function openClub(t: Test): Promise<Club> {
  const { world, another } = await openAbuseWorld(t);
  const abuse = await another();
  await world.mint(50_000n);
  await world.transfer(sdkKey(KEYS.farm), CLUB, 20_000n);
  await world.block();
  const people = await Promise.all([CLUB, ...MEMBERS.map(({ address }) => address)].map((address) => abuse.limits.personOf(address)));
  return {
    world, abuse,
    left: async () => await Promise.all(people.map(async (person) => (await abuse.limits.lookAttempts(person)).left)),
    draft(invoice, policies = [POLICY]) {
      const built = buildPay({ genesisHash: world.chain.genesisHash, invoice, payer: CLUB, policies });
      if (!built.ok) throw new Error(built.fault.code);
      return built.value;
    },
    post: async (draft) => await world.post('/transactions', { tx: toBase64Url(encodeTransaction(draft)) }),
  };
}

const signedBy = (draft: TxDraft, ...keys: readonly Key[]): TxDraft => keys.reduce(addSignature, draft);

t.test('two of three pay an order, and the account is the payer everywhere', async (t) => {
  const { world, left, draft, post } = await openClub(t);
  const order = world.order();
  const { orderId } = (await world.postOrder(order)).json as { orderId: string };
  const signed = signedBy(draft(order.invoice), tan, ali);
  const posted = await post(signed);
  t.same([posted.status, posted.headers.get('ratelimit')], [202, '"pay";r=9;t=60']);
  t.same(await left(), [9, 10, 10, 10], 'booked on the account alone');
  t.equal((await post(signed)).status, 200);
  t.equal((await post(signedBy(draft(order.invoice), siti, ali))).status, 200, 'signed by other two it is the same transaction');
  t.same(await left(), [9, 10, 10, 10], 'and counts once');
  await world.block();
  t.match(await getOrder(await world.clientAs('till'), { orderId }), { status: 'PAID_READY', payment: { txHash: signed.txHash, status: 'final' } });
  t.match((await world.post('/payments/validate', { txHash: signed.txHash, expectedAmount: '1.80' }, await world.as('till'))).json, { valid: true, error: null });

  const next = signedBy(draft(world.order().invoice, []), ali, siti);
  t.equal((await post(next)).status, 202, 'the chain knows the policy now');
  t.same(await left(), [8, 10, 10, 10]);
});

t.test('with a bad signature among them, one too few, one too many or a stranger’s, nothing is booked', async (t) => {
  const { world, left, draft, post } = await openClub(t);
  const unsigned = draft(world.order().invoice);
  const good = signedBy(unsigned, ali, siti);
  const [first, second] = good.sigs;
  if (first === undefined || second === undefined) throw new Error('two have signed');
  const bent = second.signature.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
  for (const [draftOf, code, why] of [
    [attachSignature(good, { ...second, signature: bent }), 'bad_signature', 'the last one bent'],
    [attachSignature(good, { ...first, signature: first.signature.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) }), 'bad_signature', 'the first one bent'],
    [attachSignature(good, { ...first, signature: second.signature }), 'bad_signature', 'one member’s for another'],
    [signedBy(unsigned, ali), 'wrong_signers', 'one of two'],
    [signedBy(unsigned, ali, siti, tan), 'wrong_signers', 'three of two'],
    [signedBy(unsigned, ali, wallet('thief')), 'wrong_signers', 'a stranger'],
    [signedBy(draft(world.order().invoice, []), ali, siti), 'wrong_signers', 'without the policy, which the chain has not seen'],
  ] as const) {
    const refused = await post(draftOf);
    t.same([refused.status, (refused.json as { code: string }).code], [422, code], why);
    t.equal(await world.chain.txStatus(draftOf.txHash), undefined, 'and it is not in the pool');
  }
  t.same(await left(), [10, 10, 10, 10]);
  t.equal((await post(good)).status, 202, 'the same transaction with good ones goes in');
  t.same(await left(), [9, 10, 10, 10]);
});

t.test('the eleventh of an account is refused, whichever members sign', async (t) => {
  const { world, left, draft, post } = await openClub(t);
  const pairs = [[ali, siti], [siti, tan], [ali, tan]] as const;
  const posts: number[] = [];
  for (let i = 0; i < 11; i++) posts.push((await post(signedBy(draft(world.order().invoice), ...pairs[i % 3] as readonly [Key, Key]))).status);
  t.same(posts, [...new Array<number>(10).fill(202), 429]);
  t.same(await left(), [0, 10, 10, 10], 'its members still pay for themselves');
});
