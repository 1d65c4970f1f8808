/** docs/network.md: what goes between nodes, the limits and the offences, from the node's own tables. */
import { FRAME_KINDS, networkLimitRows, OFFENCES } from '@billcoin/node';
import { markdownTable } from './markdownTable.ts';

export function makeNetworkDoc(): string {
  const kinds = FRAME_KINDS.map(({ no, kind, channel, class: of, maxBytes, rate, byBytes }) => [String(no), kind, channel, of, maxBytes.toLocaleString('en'), `\`${rate}\`${byBytes ? ', by bytes' : ''}`]);
  const offences = Object.entries(OFFENCES).map(([name, { points, cut }]) => [`\`${name}\``, String(points), cut ? 'yes' : 'no']);
  return `# Between nodes

Made from \`node/src/network/\` (\`frames.ts\`, \`limits.ts\`, \`conduct.ts\`) by \`npm run generate\`. Streams are those of libp2p (TCP, noise, yamux),
one for each channel, named \`/billcoin/<first 8 bytes of the genesis hash in hex>/<channel>/1\`. A frame is the length of its message (4 bytes, big-endian),
the number of its kind (1 byte) and the message, as protobuf (\`protocol/src/wire/consensus.proto\`, \`peer.proto\`).

## Kinds

What waits for a peer is sent in the order of classes: vote, proposal, certificate, block, transactions, sync. What does not fit is dropped from the other end.

${markdownTable(['no.', 'kind', 'channel', 'class', 'at most bytes', 'rate'], kinds)}

## Limits

${markdownTable(['limit', 'value', 'unit', 'what', 'why'], networkLimitRows())}

## Offences

A score of \`scoreMax\` is a ban; every ban ends.

${markdownTable(['offence', 'points', 'ends the connection'], offences)}
`;
}
