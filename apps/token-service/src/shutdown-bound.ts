import type { Server } from 'node:http';
import { Logger } from '@nestjs/common';

/** What is closed after the requests have ended (the last use that is written, sessions in Postgres) has this long. */
const CLOSING_MS = 6_000;

const logger = new Logger('Shutdown');

/**
 * Bounds a shutdown: requests that are still under way after `drainMs` are cut, and when the end isn't reached after another six
 * seconds, as when Postgres hangs, the process ends with 1.
 *
 * @param servers whose requests a signal lets finish
 */
export function boundShutdown(servers: readonly Server[], drainMs: number): void {
  let begun = false;
  const begin = (): void => {
    if (begun) return;
    begun = true;
    setTimeout(() => {
      logger.warn(`Requests that are under way after ${drainMs / 1_000} s are cut`);
      for (const server of servers) server.closeAllConnections();
    }, drainMs).unref();
    setTimeout(() => {
      logger.error('The shutdown does not come to its end: ending now');
      process.exit(1);
    }, drainMs + CLOSING_MS).unref();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, begin);
}
