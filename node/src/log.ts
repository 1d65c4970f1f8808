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
  readonly write?: (line: string) => void;
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
