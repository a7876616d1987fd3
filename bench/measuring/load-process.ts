import { connect, type Socket } from 'node:net';
import { distributionOf } from './distribution.ts';
import type { LoadOptions, LoadResult } from './load.ts';

/** Short, so that requests come evenly and not in bursts. */
const TICK_MS = 1;
const CONNECTIONS_PER_URL = 16;
const LATENCIES_MAX = 1_000_000;

const { urls, token, path, requestsPerSecond } = JSON.parse(process.env['LOAD'] ?? '{}') as LoadOptions;
const result: LoadResult = { sent: 0, failed: 0, latency: undefined };
const latenciesMs: number[] = [];

/**
 * A kept-alive connection with one request on its way at most. It knows just enough of HTTP/1.1 for an upstream whose answers
 * have a Content-Length: a full client would cost more than the gateways that are measured.
 */
class Connection {
  readonly #socket: Socket;
  readonly #request: string;
  #received = '';
  #dueAtMs = 0;
  #free: () => void;

  /** @param free called whenever the connection has nothing to do, first when it is made */
  static open(url: URL, free: (connection: Connection) => void): Connection {
    return new Connection(url, free);
  }

  private constructor(url: URL, free: (connection: Connection) => void) {
    this.#request = `GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    this.#free = () => free(this);
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => this.#read(chunk));
    this.#socket.once('connect', this.#free);
    this.#socket.on('error', () => (result.failed += 1)); // counted, and printed by the benchmark
  }

  send(dueAtMs: number): void {
    this.#dueAtMs = dueAtMs;
    this.#socket.write(this.#request);
  }

  #read(chunk: string): void {
    this.#received += chunk;
    const head = this.#received.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < head + 4 + length) return;
    if (!this.#received.startsWith('HTTP/1.1 200')) result.failed += 1;
    this.#received = '';
    if (latenciesMs.length < LATENCIES_MAX) latenciesMs.push(performance.now() - this.#dueAtMs);
    this.#free();
  }
}

/** Connections that wait for a request, and requests that wait for a connection, by gateway. */
const lanes = urls.map((url) => ({ url: new URL(url), idle: [] as Connection[], dueAtMs: [] as number[] }));
for (const lane of lanes) {
  const free = (connection: Connection): void => {
    const dueAtMs = lane.dueAtMs.shift();
    if (dueAtMs === undefined) lane.idle.push(connection);
    else connection.send(dueAtMs);
  };
  for (let i = 0; i < CONNECTIONS_PER_URL; i++) Connection.open(lane.url, free);
}

function send(): void {
  const lane = lanes[result.sent++ % lanes.length]!;
  const connection = lane.idle.pop();
  if (connection) connection.send(performance.now());
  else lane.dueAtMs.push(performance.now());
}

const startedMs = performance.now();
// By the clock and not by the last answer: a slow gateway doesn't get fewer requests.
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - startedMs) / 1000) * requestsPerSecond) - result.sent;
  for (let i = 0; i < Math.min(due, requestsPerSecond); i++) send();
}, TICK_MS);

process.on('message', () => {
  clearInterval(timer);
  if (latenciesMs.length > 0) result.latency = distributionOf(latenciesMs);
  process.send!(result);
});
process.on('disconnect', () => process.exit(0));
process.send!('ready');
