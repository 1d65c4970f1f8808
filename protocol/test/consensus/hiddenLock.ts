/** The schedule of TR4 (consensus page §7b): p4 is Byzantine, relays of polkas and Status come too late to help. */
import { NIL, type BlockIdHex } from './core.ts';
import { makeNet } from './net.ts';

export function runHiddenLock() {
  const net: ReturnType<typeof makeNet> = makeNet({
    powers: [1, 1, 1, 1],
    link: (from, to, message) => {
      const [p1, p2, p3] = [1, 2, 3].map(net.fixture.p);
      if (message.kind === 'certificate' || (message.kind === 'proposal' && message.proposal.round === 1 && from !== p2)) return undefined;
      const round0 = message.kind === 'proposal' ? message.proposal.round === 0 : message.kind === 'block' && from === p1 && net.elapsedMs() < 5;
      if (round0 && to === p3) return undefined; // p1 shows v0 to p1 and p2 only
      return 1;
    },
  });
  const { p, vote } = net.fixture;
  const [p1, p2, p3, p4] = [1, 2, 3, 4].map(p) as [number, number, number, number];
  const honest = [p1, p2, p3];
  honest.forEach((i) => net.boot(i));
  honest.forEach((i) => net.work(i));
  const byzantine = (to: number, round: number, blockId: BlockIdHex): void => net.give(net.nodes[to]!, { kind: 'voteMsg', vote: vote('prevote', round, p4, blockId) });
  const proposed = (i: number, round: number): BlockIdHex | undefined => {
    const sent = net.nodes[i]!.effects.flatMap((effect) => (effect.kind === 'signAndSend' ? effect.bodies : [])).find((body) => body.kind === 'proposal' && body.round === round);
    return sent?.blockId;
  };
  net.run(() => proposed(p1, 0) !== undefined);
  byzantine(p1, 0, proposed(p1, 0)!);
  byzantine(p2, 0, NIL);
  byzantine(p3, 0, NIL);
  net.run(() => proposed(p2, 1) !== undefined);
  byzantine(p2, 1, proposed(p2, 1)!);
  byzantine(p1, 1, NIL);
  byzantine(p3, 1, NIL);
  const evidence = () => honest.flatMap((i) => net.nodes[i]!.effects).filter((effect) => effect.kind === 'reportEvidence');
  return { net, honest, evidence };
}
