/** The header of a height, verified from a trusted root by what peers tell: forwards by skipping, backwards by hashes (SPEC §16). */
import {
  blockIdBytes, equalBytes, followTo, lightState, peerMessages, takeAnswer, walkBackwards,
  type LightBlock, type LightStep, type ProofContext, type ProofRefusal, type TrustedHeader, type WalkedBack,
} from '@billcoin/protocol';
import { NETWORK_LIMITS } from '../network/limits.ts';

/** Light blocks from a height on as a peer tells them; none where it is silent. */
export type AskLight = (peer: string, from: number, count: number) => Promise<readonly LightBlock[]>;

/** Peers besides the first one that must not contradict it; one of them has to confirm it. */
const WITNESSES = 3;

export interface LightPath {
  readonly context: ProofContext;
  readonly root: TrustedHeader;
  readonly ask: AskLight;
  readonly nowMs: () => number;
}

export type LightVerdict =
  | { readonly kind: 'trusted'; readonly header: TrustedHeader; readonly block: LightBlock }
  | { readonly kind: 'refused'; readonly refusal: ProofRefusal }
  /** Two chains that both verify. */
  | { readonly kind: 'diverged'; readonly refusal: ProofRefusal };

const noData = (why: string): LightVerdict => ({ kind: 'refused', refusal: { code: 'no_data', why } });

/** @param peers the first one leads, the others confirm; of one peer there is nobody to confirm it */
export async function verifiedHeader(path: LightPath, peers: readonly string[], height: number): Promise<LightVerdict> {
  return height > path.root.height ? forwards(path, peers, height) : backwards(path, peers, height);
}

async function forwards({ context, root, ask, nowMs }: LightPath, peers: readonly string[], height: number): Promise<LightVerdict> {
  let block: LightBlock | undefined;
  let step: LightStep = followTo(lightState(root, Math.min(WITNESSES, peers.length - 1)), height, nowMs());
  while (step.action.kind === 'ask') {
    const peer = peers[step.action.source];
    const [answer] = peer === undefined ? [] : await ask(peer, step.action.height, 1);
    if (step.action.source === 0 && step.action.height === height) block = answer;
    step = takeAnswer(context, step.state, answer, nowMs());
  }
  const { action } = step;
  if (action.kind === 'trusted') return block === undefined ? noData('the header came without its block') : { kind: 'trusted', header: action.trusted, block };
  return { kind: action.kind, refusal: action.refusal };
}

async function backwards({ context, root, ask }: LightPath, peers: readonly string[], height: number): Promise<LightVerdict> {
  if (root.height - height > NETWORK_LIMITS.headersWalkMax) return { kind: 'refused', refusal: { code: 'before_trust', why: `height ${height} is ${root.height - height} blocks below the checkpoint` } };
  const [peer] = peers;
  let walked: WalkedBack = { trusted: root, later: undefined };
  let block: LightBlock | undefined;
  for (let upTo = root.height; upTo >= height;) {
    const from = Math.max(height, upTo - peerMessages.LIGHT_PAGE_MAX + 1);
    const page = peer === undefined ? [] : await ask(peer, from, upTo - from + 1);
    if (page.length !== upTo - from + 1) return noData(`headers ${from} to ${upTo}`);
    const verdict = walkBackwards(context, walked, page);
    if (!verdict.ok) return { kind: 'refused', refusal: verdict.refusal };
    [walked, block, upTo] = [verdict.value, page[0], from - 1];
  }
  const isIt = block !== undefined && equalBytes(blockIdBytes(context.genesisHash, block.header), walked.trusted.blockId);
  return block === undefined || !isIt ? noData(`height ${height}`) : { kind: 'trusted', header: walked.trusted, block };
}
