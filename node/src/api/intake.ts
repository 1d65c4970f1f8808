/**
 * How many requests begin in one turn of the event loop. Sockets that are ready are all read in one turn; with 500 of them
 * and all their handlers it took a tenth of a second, in which nothing of the chain was heard: a full node at the busiest
 * lunch was two seconds behind it. Requests wait for their turn now, and the chain goes on between two turns.
 */
import type { FastifyInstance } from 'fastify';
import { Gauge, type Registry } from 'prom-client';

/** Some 10 ms of work. */
export const BEGINS_PER_TURN = 16;

export interface Intake {
  /** Resolves when a request may begin, in the order of the calls. As many wait as the sockets of the server bring. */
  turn(): Promise<void>;
  waiting(): number;
}

export function openIntake(): Intake {
  let queue: (() => void)[] = [];
  /** In this turn. */
  let begun = 0;
  let isScheduled = false;

  function nextTurn(): void {
    isScheduled = false;
    const next = queue.slice(0, BEGINS_PER_TURN);
    queue = queue.slice(BEGINS_PER_TURN);
    begun = next.length;
    if (begun > 0) schedule();
    for (const begin of next) begin();
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(nextTurn);
  }

  return {
    waiting: () => queue.length,
    async turn() {
      schedule();
      if (begun < BEGINS_PER_TURN) begun += 1;
      else await new Promise<void>((resolve) => void queue.push(resolve));
    },
  };
}

/** Before all other hooks. */
export function hookIntake(server: FastifyInstance, registry: Registry): void {
  const intake = openIntake();
  new Gauge({
    name: 'http_requests_waiting', help: `Requests whose turn has not come: ${BEGINS_PER_TURN} begin in one turn of the event loop`, registers: [registry],
    collect() { this.set(intake.waiting()); },
  });
  server.addHook('onRequest', () => intake.turn());
}
