/** What a light client follows the chain by (SPEC §16): headers with certificates and sets, and signed checkpoints; and where it takes proof of a lie. */
import { Type, type Static } from 'typebox';
import { LIGHT_HEADERS_MAX } from '../verified/limits.ts';
import { route } from './route.ts';
import { base64Url, closed, Hash, Height, PublicKey, Signature } from './values.ts';

export const CheckpointAnswer = closed({
  height: Height, blockId: Hash, validatorsHash: Hash, timeMs: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  signatures: Type.Array(closed({ publicKey: PublicKey, signature: Signature }), { maxItems: 50 }),
});
export type CheckpointAnswer = Static<typeof CheckpointAnswer>;

export const getCheckpoint = route({
  method: 'GET',
  path: '/light/checkpoint',
  summary: 'The checkpoint this node was given, signed by the keys that genesis pins; valid for 14 days.',
  who: ['public'],
  responses: { 200: CheckpointAnswer },
  etag: true,
  problems: ['not_found'],
});

export const listLightHeaders = route({
  method: 'GET',
  path: '/light/headers',
  summary: 'Final headers from a height on, each with certificate and validator set.',
  who: ['public'],
  query: closed({ from: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIGHT_HEADERS_MAX, default: LIGHT_HEADERS_MAX })) }),
  responses: {
    200: closed({
      tip: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Newest final height of this node' }),
      data: Type.Array(closed({ height: Height, lightBlock: base64Url(18_432, 'LightBlock bytes: header, certificate, set, next set where it changes') }), { maxItems: LIGHT_HEADERS_MAX }),
    }),
  },
  etag: true,
  problems: ['pruned'],
});

export const postEvidence = route({
  method: 'POST',
  path: '/evidence',
  summary: 'Hand in proof that a validator signed two things for one purpose, or that headers deceived a light client. 202: kept for a block, or recorded and alarmed where nobody can be blamed for sure. 200: known.',
  who: ['public'],
  body: closed({ evidence: base64Url(32_768, 'Evidence bytes') }),
  bodyMaxBytes: 65_536,
  responses: { 200: closed({ state: Type.Literal('known') }), 202: closed({ state: Type.Union([Type.Literal('kept'), Type.Literal('recorded')]) }) },
  problems: ['invalid_evidence'],
});
