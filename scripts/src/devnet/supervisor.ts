/** Starts, watches and stops the processes of the devnet, in order. */
import { join } from 'node:path';
import { LogFile } from './logFile.ts';
import { memoryOf, type Memory } from './memory.ts';
import type { Call, Message, Note, PartName } from './messages.ts';
import { writeWhole, type Paths } from './network.ts';
import { pause } from './parts/settle.ts';
import { childFlags, type Planned } from './plan.ts';
import { SupervisedProcess } from './supervisedProcess.ts';
import { makeSwitchboard } from './switchboard.ts';

/** A process on a busy machine with two cores starts within seconds. */
const READY_MS = 90_000;
const READY_POLL_MS = 100;
/** Broker and nodes: the others are their clients. */
const isFirst = (name: string): boolean => name === 'broker' || name === 'node' || name.startsWith('validator-');

export interface Running {
  readonly call: Call;
  /** Name and pid of every process that runs now. */
  pids(): ReadonlyMap<string, number>;
  restarts(): number;
  /** Of all processes and this one. */
  memory(): Memory | undefined;
  /** Rejects when a part cannot be kept alive. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

export interface SupervisorEvents {
  readonly say: (text: string) => void;
  readonly onNote: (note: Exclude<Note, { kind: 'say' }>) => void;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false; // not listening yet
  }
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + READY_MS;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`${what} was not ready after ${READY_MS / 1_000} s`);
    await pause(READY_POLL_MS);
  }
}

/** Starts all processes one after the other; where one does not come up, stops those that did. */
export async function startAll(paths: Paths, planned: readonly Planned[], { say, onNote }: SupervisorEvents): Promise<Running> {
  const processes = new Map<string, SupervisedProcess>();
  const readyParts = new Set<string>();
  let giveUp: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  failed.catch(() => undefined); // whoever runs the day looks at it
  const board = makeSwitchboard((name) => processes.get(name), {
    onReady: (from) => readyParts.add(from),
    onNote: (note) => (note.kind === 'say' ? say(note.text) : onNote(note)),
  });
  const pids = (): Map<string, number> => new Map([...processes].flatMap(([name, { pid }]) => (pid === undefined ? [] : [[name, pid]])));

  function supervise({ name, where, entry, args, memory, readyUrl }: Planned): SupervisedProcess {
    const ready = (): Promise<void> => until(() => (readyUrl === undefined ? readyParts.has(name) : answers(readyUrl)), name);
    const log = new LogFile(join(paths.logs, `${name}.log`));
    return new SupervisedProcess({ name, entry, args, execArgv: childFlags(memory), ready }, log, {
      onMessage: (message) => board.take(name as PartName, message as Message),
      onStart(pid, restarts) {
        say(`${name.padEnd(10)} pid ${String(pid).padEnd(7)} ${restarts === 0 ? where : `started again (${restarts})`}`);
        writeWhole(join(paths.run, 'pids.json'), `${JSON.stringify({ ...Object.fromEntries(pids()), [name]: pid }, undefined, 2)}\n`);
      },
      onExit(why) {
        readyParts.delete(name);
        board.ended(name as PartName);
        say(`${name} ended (${why}); it is started again. Its output: ${log.path}`);
      },
      onHopeless: (why) => giveUp(new Error(`${why}\n${log.tail()}`)),
    });
  }

  async function stop(): Promise<void> {
    for (const [name, running] of [...processes].reverse()) {
      const how = await running.stop();
      if (how === 'killed') say(`${name} did not listen and was killed`);
    }
  }

  try {
    // Nodes and broker first; whatever follows waits for them by itself, so it starts side by side.
    for (const one of planned) processes.set(one.name, supervise(one));
    const all = [...processes.values()];
    for (const wave of [all.filter(({ name }) => isFirst(name)), all.filter(({ name }) => !isFirst(name))]) {
      await Promise.race([Promise.all(wave.map((running) => running.start())), failed]);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    call: board.call, pids, failed, stop,
    restarts: () => [...processes.values()].reduce((sum, { restarts }) => sum + restarts, 0),
    memory: () => memoryOf([process.pid, ...pids().values()]),
  };
}
