/**
 * Structured log: one JSON line per event on standard output, made by pino, in the fields of the Elastic Common Schema, so
 * that Filebeat needs no parser of its own. What an event says of itself stands under `billcoin`. Keys, seeds, signatures,
 * tokens, addresses and personal data never reach a line, whoever logs them.
 */
import { writeSync } from 'node:fs';
import { pino, type Logger } from 'pino';
import { systemTimers } from './clock.ts';
import { LogOutput } from './logOutput.ts';
import type { Log } from './ports.ts';

/** Names whose values are cut out, of an event and of what it is bound to, down to the third level. */
const SECRET_NAMES = ['seed', 'secret', 'token', 'password', 'authorization', 'cookie', 'privateKey', 'studentId', 'apiKey', 'linkCode', 'pin', 'clientSecret', 'refreshToken', 'accessToken', 'address'] as const;
const CENSOR = '[redacted]';
/** Wherever an address stands in a text, an error's included: it leads to all a wallet ever bought. */
const ADDRESS = /bill1[02-9ac-hj-np-z]{38}/g;
const ECS_VERSION = '8.10.0';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Stands in every line, so that lines of several nodes can be told apart. */
  readonly nodeName: string;
  /** Where lines go; standard output by default. */
  readonly write?: ((line: string) => void) | undefined;
}

/** An error in the fields of the schema; what was thrown and is none is a message. */
function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { 'error.message': String(error) };
  // Both hold the causes, too.
  const { type, message, stack } = pino.stdSerializers.err(error);
  const code = 'code' in error ? { 'error.code': String(error.code) } : {};
  return { 'error.type': type, 'error.message': message, 'error.stack_trace': stack, ...code };
}

function eventFields({ error, ...event }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { ...(error === undefined ? {} : errorFields(error)), ...(Object.keys(event).length === 0 ? {} : { billcoin: event }) };
}

/** A part of the node is its logger; what else all its lines have stands under labels. */
function boundFields({ part, ...labels }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...(part === undefined ? {} : { 'log.logger': part }), ...(Object.keys(labels).length === 0 ? {} : { labels }) };
}

/** The logger with bindings in the fields of the schema: pino's own formatter sees those of children no more. */
function asLog(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(fields, message), info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message), error: (fields, message) => logger.error(fields, message),
    child: (bindings) => asLog(logger.child(boundFields(bindings as Readonly<Record<string, unknown>>))),
  };
}

export function makeLog({ level, nodeName, write }: LogOptions): Log {
  const put = write ?? standardOutput((lines) => log.warn({ lines }, 'Lines of the log were left out: whoever reads standard output stood still'));
  const log: Log = asLog(pino({
    level,
    base: { 'ecs.version': ECS_VERSION, 'service.name': 'billcoin', 'service.node.name': nodeName },
    messageKey: 'message',
    timestamp: () => `,"@timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ 'log.level': label }), log: eventFields },
    redact: { paths: SECRET_NAMES.flatMap((name) => ['', '*.', '*.*.'].flatMap((up) => [`billcoin.${up}${name}`, `labels.${up}${name}`])), censor: CENSOR },
  }, { write: (line: string) => put(line.replaceAll(ADDRESS, CENSOR)) }));
  return log;
}

function standardOutput(onLeftOut: (lines: number) => void): (line: string) => void {
  const onGone = (): void => void process.stderr.write('Nobody reads standard output any more. The node goes on without its log; start it again to have one.\n');
  const out = new LogOutput({ put: (bytes) => writeSync(process.stdout.fd, bytes), timers: systemTimers, onLeftOut, onGone });
  return (line) => out.write(line);
}

/** A line of the log for somebody at a terminal: `12:03:04 warn  network: Peer lost  peer=3f2a…`. What is no such line stays as it is. */
export function lineForPeople(line: string): string {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(line) as typeof fields;
  } catch {
    return line.trimEnd();
  }
  const [level, time, message, part] = ['log.level', '@timestamp', 'message', 'log.logger'].map((name) => (typeof fields[name] === 'string' ? fields[name] : undefined));
  const event = { ...(fields['billcoin'] as Readonly<Record<string, unknown>> | undefined), ...(typeof fields['error.message'] === 'string' ? { error: fields['error.message'] } : {}) };
  const rest = Object.entries(event).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const head = `${(time ?? '').slice(11, 19)} ${(level ?? '').padEnd(5)} ${part === undefined ? '' : `${part}: `}${message ?? ''}`;
  return rest.length === 0 ? head : `${head}  ${rest.join(' ')}`;
}
