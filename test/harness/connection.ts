import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface ConnectionAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface ConnectionOptions {
  token?: string;
  /** The client's own address: any in 127.0.0.0/8. */
  localAddress?: string;
}

/** One kept-alive connection of a client, for as long as the server keeps it. */
export class Connection {
  readonly #agent: Agent;
  /** Connections that were opened: more than one means that the server closed one. */
  opened = 0;

  constructor(
    private readonly url: string,
    private readonly options: ConnectionOptions = {},
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<ConnectionAnswer> {
    const { token, localAddress } = this.options;
    return new Promise((resolve, reject) => {
      const outgoing = request(this.url + path, {
        agent: this.#agent,
        headers: { ...(token !== undefined && { Authorization: `Bearer ${token}` }), ...headers },
        ...(localAddress !== undefined && { localAddress }),
      });
      outgoing.once('socket', () => (this.opened += outgoing.reusedSocket ? 0 : 1));
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.once('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
        response.once('error', reject);
      });
      outgoing.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
