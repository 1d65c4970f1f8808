/** The log as a port: tests give their own. `error` means that the operator must act. */
import { pino } from 'pino';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ECS_VERSION = '8.10.0';

function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { 'error.message': String(error) };
  const { type, message, stack } = pino.stdSerializers.err(error);
  return { 'error.type': type, 'error.message': message, 'error.stack_trace': stack };
}

function eventFields({ err, ...event }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { ...(err === undefined ? {} : errorFields(err)), ...(Object.keys(event).length === 0 ? {} : { billcoin: event }) };
}

/** One JSON line per event, on standard output unless `write` takes it, in the fields of the Elastic Common Schema as the node's are. */
export function makeLog(level: string, write: (line: string) => void = (line) => void process.stdout.write(line)): Log {
  return pino({
    level,
    base: { 'ecs.version': ECS_VERSION, 'service.name': 'billcoin-oracle' },
    messageKey: 'message',
    timestamp: () => `,"@timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ 'log.level': label }), log: eventFields },
  }, { write });
}
