import { type AddressInfo, createServer, type Socket } from 'node:net';

/**
 * Answers each request, and looks no further than where it ends: it must cost less than what stands before it. A path that ends
 * with `/large` gets 100 kB. A request's body has to have a Content-Length, and is thrown away.
 */
const SMALL = JSON.stringify({ datastores: [{ id: 1, name: 'warehouse' }] });
const LARGE = JSON.stringify({ rows: 'x'.repeat(100_000 - '{"rows":""}'.length) });
const END = '\r\n\r\n';

const answer = (body: string): Buffer =>
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
const [small, large] = [answer(SMALL), answer(LARGE)];

class Connection {
  readonly #socket: Socket;
  #head = '';
  /** What is left of the body of the request before. */
  #bodyBytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  read(chunk: Buffer): void {
    const skipped = Math.min(this.#bodyBytes, chunk.length);
    this.#bodyBytes -= skipped;
    if (this.#bodyBytes > 0) return;
    if (skipped > 0) this.#socket.write(small);
    if (skipped < chunk.length) this.#readHeads(chunk.subarray(skipped));
  }

  #readHeads(chunk: Buffer): void {
    this.#head += chunk.toString('latin1');
    for (let end = this.#head.indexOf(END); end >= 0; end = this.#head.indexOf(END)) {
      const head = this.#head.slice(0, end);
      const rest = this.#head.slice(end + END.length);
      this.#head = '';
      const length = head.startsWith('POST') ? Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0) : 0;
      if (length > 0) {
        this.#bodyBytes = length;
        if (rest !== '') this.read(Buffer.from(rest, 'latin1'));
        return;
      }
      this.#socket.write(/^[A-Z]+ \S*\/large /.test(head) ? large : small);
      this.#head = rest;
    }
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  const connection = new Connection(socket);
  socket.on('data', (chunk: Buffer) => connection.read(chunk));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
