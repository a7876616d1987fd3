import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { MetricSet } from './metric-set.js';

const REQUEST_TIMEOUT_MS = 10_000;

/** Serves `/metrics` and nothing else, on a port of its own that is not for those who use the API. */
export class MetricsServer {
  readonly #server: Server;

  constructor(private readonly metrics: MetricSet) {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.requestTimeout = REQUEST_TIMEOUT_MS;
  }

  /** @throws when the port can't be listened on */
  listen(port: number, host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, exclusive: true }, resolve); // not one that workers share
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url !== '/metrics') return void response.writeHead(404).end();
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    try {
      const text = await this.metrics.text();
      response.writeHead(200, { 'Content-Type': this.metrics.contentType }).end(text);
    } catch {
      response.writeHead(500).end();
    }
  }
}
