/**
 * Structured log: one JSON line per event on standard output, made by pino. Keys, seeds, signatures, tokens and personal
 * data never reach a line, whoever logs them.
 */
import { pino } from 'pino';
import type { Log } from './ports.ts';

/** Names whose values are cut out at the first two levels of a line. */
const SECRET_NAMES = ['seed', 'secret', 'token', 'password', 'authorization', 'cookie', 'privateKey', 'studentId', 'apiKey', 'linkCode'] as const;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Stands in every line, so that lines of several nodes can be told apart. */
  readonly nodeName: string;
  /** Where lines go; standard output by default. */
  readonly write?: ((line: string) => void) | undefined;
}

export function makeLog({ level, nodeName, write }: LogOptions): Log {
  const options = {
    level,
    base: { node: nodeName },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
  };
  return write === undefined ? pino(options) : pino(options, { write });
}

/** Fields that every line has, or that stand elsewhere in the line of a person. */
const SHOWN_APART = new Set(['level', 'time', 'node', 'msg', 'part']);

/** A line of the log for somebody at a terminal: `12:03:04 warn  network: Peer lost  peer=3f2a…`. What is no such line stays as it is. */
export function lineForPeople(line: string): string {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(line) as typeof fields;
  } catch {
    return line.trimEnd();
  }
  const [level, time, msg, part] = ['level', 'time', 'msg', 'part'].map((name) => (typeof fields[name] === 'string' ? fields[name] : undefined));
  const rest = Object.entries(fields).filter(([name]) => !SHOWN_APART.has(name)).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const head = `${(time ?? '').slice(11, 19)} ${(level ?? '').padEnd(5)} ${part === undefined ? '' : `${part}: `}${msg ?? ''}`;
  return rest.length === 0 ? head : `${head}  ${rest.join(' ')}`;
}
