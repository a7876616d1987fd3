import type { ProcessLog } from './process-log.js';

/** A fault that nobody foresaw may have left anything half done: it is logged, and the next process starts clean. */
export function endOnUnexpectedErrors(log: ProcessLog): void {
  const end = (error: unknown): never => {
    log.fatal({ err: error }, 'unexpected error, the process ends');
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
