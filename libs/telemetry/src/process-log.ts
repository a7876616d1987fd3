import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { redactFields, redactText } from './redaction.js';
import { scopeFields } from './request-scope.js';

/** Without children: what they are bound to would not be looked through for secrets. */
export type ProcessLog = Pick<Logger, 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'>;

/** pino's. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ProcessLogOptions {
  level: LogLevel;
  /** The app that logs, and further fields of every line. */
  fields: { app: string } & Record<string, string>;
  /** Where lines go; standard output when absent. */
  destination?: DestinationStream;
}

/**
 * Opens the log of this process: a line of JSON for each entry, without secrets, with the id of the request and of the trace where
 * there is one. On a terminal the lines are made for people.
 */
export async function openProcessLog({ level, fields, destination }: ProcessLogOptions): Promise<ProcessLog> {
  const options = {
    level,
    base: fields,
    timestamp: stdTimeFunctions.isoTime,
    mixin: scopeFields,
    formatters: { log: redactFields },
    serializers: { err: (redacted: unknown) => redacted },
    hooks: { streamWrite: redactText },
  };
  const log: Logger = pino(options, destination ?? (await standardOutput()));
  return log;
}

/** Written at once, so that the last line before an end is not lost. */
async function standardOutput(): Promise<DestinationStream> {
  if (!process.stdout.isTTY) return pino.destination({ fd: 1, sync: true });
  const { default: pretty } = await import('pino-pretty');
  return pretty({ sync: true, ignore: 'pid,hostname,app' });
}
