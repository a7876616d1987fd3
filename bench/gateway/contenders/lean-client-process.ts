// @ts-expect-error Node documents none of it
import common from '_http_common';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/**
 * An experiment, not a proxy to use: the bare proxy with a client of its own, which parses answers with the llhttp that is in Node
 * and knows requests without a body only. No time limits, no tending of failures. See docs/decisions/0022.
 */
interface Parser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  [callback: number]: unknown;
}
const HTTPParser = common.HTTPParser as { new (): Parser } & Record<string, number>;
const { kOnHeadersComplete, kOnBody, kOnMessageComplete, kOnHeaders } = HTTPParser as Record<string, number>;
const RESPONSE_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding']);
const { hostname, port, host } = new URL(process.env['UPSTREAM']!);
const idle: Upstream[] = [];

class Upstream {
  readonly #socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
  readonly #parser = new HTTPParser();
  #response: ServerResponse | undefined;
  #body: Buffer | undefined;

  constructor() {
    this.#parser.initialize(HTTPParser['RESPONSE']!, this, 65_536, 0);
    this.#parser[kOnHeaders!] = () => undefined;
    this.#parser[kOnHeadersComplete!] = (
      _major: number,
      _minor: number,
      raw: string[],
      _method: undefined,
      _url: undefined,
      status: number,
    ) => {
      const headers: string[] = [];
      for (let i = 0; i < raw.length; i += 2) {
        if (!RESPONSE_HOP.has(raw[i]!.toLowerCase())) headers.push(raw[i]!, raw[i + 1]!);
      }
      this.#response!.writeHead(status, headers);
      return 0;
    };
    this.#parser[kOnBody!] = (chunk: Buffer) => {
      if (this.#body) this.#response!.write(this.#body);
      this.#body = chunk;
    };
    this.#parser[kOnMessageComplete!] = () => {
      this.#response!.end(this.#body?.toString('latin1'), 'latin1');
      this.#response = this.#body = undefined;
      idle.push(this);
    };
    this.#socket.on('data', (bytes: Buffer) => void this.#parser.execute(bytes));
    this.#socket.on('error', () => process.exit(1));
  }

  send(head: string, response: ServerResponse): void {
    this.#response = response;
    this.#socket.write(head, 'latin1');
  }
}

const server = createServer({ noDelay: true }, ({ method, url, rawHeaders }, response) => {
  let head = `${method} ${url} HTTP/1.1\r\nHost: ${host}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const lower = rawHeaders[i]!.toLowerCase();
    if (lower !== 'host' && lower !== 'connection') head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  }
  (idle.pop() ?? new Upstream()).send(`${head}\r\n`, response);
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
