import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A client's header that goes through the gateway untouched: the number of the request. */
export const PROBE_HEADER = 'x-probe';

/** The guarded API, in the harness's own process: it says on the harness's own clock when a request got through. */
export class Upstream {
  readonly #server: Server;

  private constructor(onArrival: (probeId: number, atMs: number) => void) {
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      onArrival(Number(request.headers[PROBE_HEADER]), performance.now());
      request.resume();
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  }

  static async start(onArrival: (probeId: number, atMs: number) => void): Promise<Upstream> {
    const upstream = new Upstream(onArrival);
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
