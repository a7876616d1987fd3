import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range that Linux and macOS pick source ports from, so that no outgoing connection takes one between two starts.
const FIRST = 20_000;
const LAST = 32_000;
const ATTEMPTS_MAX = 100;

/** Ports given out or reserved by this process: what is to have one may not have bound it yet. */
const given = new Set<number>();

/** Keeps a port that this process knows of, and nothing listens on yet, from being given out. */
export function reservePort(port: number): void {
  given.add(port);
}

/**
 * @returns why a TCP port can't be listened on (`EADDRINUSE`, `EACCES`, …), or `undefined` when it can.
 */
export function portProblem(port: number, host = '127.0.0.1'): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/**
 * Finds a TCP port on the loopback address that nothing listens on.
 *
 * @param preferred taken when it is free, so that a stack keeps its ports from start to start.
 * @throws when a hundred candidates are all taken.
 */
export async function freePort(preferred?: number): Promise<number> {
  const candidates = Array.from({ length: ATTEMPTS_MAX }, () => randomInt(FIRST, LAST));
  for (const port of preferred === undefined ? candidates : [preferred, ...candidates]) {
    if (given.has(port) || (await portProblem(port)) !== undefined) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port found between ${FIRST} and ${LAST}`);
}
