import { createServer, type Server, type ServerResponse } from 'node:http';
import { freePort } from '../../scripts/stack/free-port.ts';

/** An API behind the gateway that answers `/api/slow/held` only when it is told to, and everything else at once. */
export class SlowUpstream {
  readonly #held: ServerResponse[] = [];

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  static async start(): Promise<SlowUpstream> {
    const port = await freePort();
    const server = createServer();
    const upstream = new SlowUpstream(`http://127.0.0.1:${port}`, server);
    server.on('request', (request, response) => {
      if (request.url === '/api/slow/held') upstream.#held.push(response);
      else response.end('at once');
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return upstream;
  }

  /** The routes file that leads to it. */
  get routes(): string {
    return `routes:\n  - prefix: /api/slow\n    upstreams: [${this.url}]\n`;
  }

  /** How many requests wait for their answer. */
  get held(): number {
    return this.#held.length;
  }

  release(): void {
    for (const response of this.#held.splice(0)) response.end('at last');
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
