/** /light: what light clients follow the chain by. */
import { encode, fromBase64Url, LightBlock, toBase64Url, toHex, type SignedCheckpoint } from '@billcoin/protocol';
import { LIGHT_HEADERS_MAX, ROUTES, type CheckpointAnswer } from '@billcoin/sdk';
import { lightBlockAt } from '../../lightBlock.ts';
import type { ChainPort } from '../../ports.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';

type Headers = typeof ROUTES.listLightHeaders;

/** Ends early at a block that is not kept, so what is sent is without a gap. */
async function listHeaders(chain: ChainPort, { query: { from, limit = LIGHT_HEADERS_MAX } }: ApiRequest<Headers>): Promise<Reply<Headers>> {
  const tip = chain.tip().height;
  const data: { height: number; lightBlock: string }[] = [];
  for (let height = from; height <= tip && data.length < limit; height++) {
    const block = await lightBlockAt(chain, height);
    if (block === undefined) return data.length === 0 ? { problem: 'pruned' } : { status: 200, body: { tip, data } };
    data.push({ height, lightBlock: toBase64Url(encode(LightBlock, block)) });
  }
  return { status: 200, body: { tip, data } };
}

/** POST /evidence: whoever has proof of a lie may bring it. */
async function takeEvidence(chain: ChainPort, { body }: ApiRequest<typeof ROUTES.postEvidence>): Promise<Reply<typeof ROUTES.postEvidence>> {
  const bytes = fromBase64Url(body.evidence);
  if (bytes === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/evidence', code: 'base64url' }] };
  const state = await chain.offerEvidence(bytes);
  if (state === undefined) return { problem: 'invalid_evidence' };
  return state === 'known' ? { status: 200, body: { state } } : { status: 202, body: { state } };
}

export function checkpointView({ checkpoint: { height, blockId, validatorsHash, timeMs }, signatures }: SignedCheckpoint): CheckpointAnswer {
  return { height, blockId: toHex(blockId), validatorsHash: toHex(validatorsHash), timeMs, signatures: signatures.map(({ publicKey, signature }) => ({ publicKey: toHex(publicKey), signature: toHex(signature) })) };
}

export function lightRoutes(chain: ChainPort, checkpoint: () => Promise<SignedCheckpoint | undefined>): readonly Entry[] {
  return [
    serve(ROUTES.listLightHeaders, (request) => listHeaders(chain, request)),
    serve(ROUTES.postEvidence, (request) => takeEvidence(chain, request)),
    serve(ROUTES.getCheckpoint, async () => {
      const signed = await checkpoint();
      if (signed === undefined) return { problem: 'not_found', detail: 'This node was given no checkpoint.' };
      return { status: 200, body: checkpointView(signed) };
    }),
  ];
}
