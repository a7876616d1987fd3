import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An API behind the gateway that keeps the headers of each request, by its path; `/…/status/503` answers 503. */
export class RecordingUpstream {
  readonly #headers = new Map<string, IncomingHttpHeaders>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<RecordingUpstream> {
    const server = createServer();
    const upstream = new RecordingUpstream(server);
    server.on('request', (request, response) => {
      upstream.#headers.set(request.url ?? '', request.headers);
      response.writeHead(Number(/\/status\/(\d{3})$/.exec(request.url ?? '')?.[1] ?? 200)).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What the request for this path and query came with. */
  headersOf(target: string): IncomingHttpHeaders | undefined {
    return this.#headers.get(target);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
