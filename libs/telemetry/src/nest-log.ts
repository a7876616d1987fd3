import type { LoggerService } from '@nestjs/common';
import type { ProcessLog } from './process-log.js';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Nest's log, and so that of every `new Logger('Name')`, as entries of the process's log with the name as `context`. */
export class NestLog implements LoggerService {
  constructor(private readonly processLog: ProcessLog) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('info', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** Nest's own calls put the stack between message and name. */
  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  /** @param message a text, an error, or fields with their own `message` */
  #write(level: Level, message: unknown, rest: readonly unknown[]): void {
    const context = rest.at(-1);
    const details = rest.slice(0, -1).filter((detail) => detail !== undefined);
    const fields = {
      ...(typeof context === 'string' && { context }),
      ...(details.length > 0 && { details }),
    };
    if (message instanceof Error) this.processLog[level]({ ...fields, err: message }, message.message);
    else if (typeof message === 'object' && message !== null) {
      const { message: text, ...own } = message as { message?: unknown };
      this.processLog[level]({ ...fields, ...own }, text === undefined ? undefined : String(text));
    } else this.processLog[level](fields, String(message));
  }
}
