import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { reset, Tunnel } from './tunnel.js';

/** What a client may send before it has the answer; it shouldn't send anything (RFC 6455 section 4.1). */
const EARLY_BYTES_MAX = 65_536;
/** One protocol, such as `websocket`: of a list, another server could choose another. */
const PROTOCOL = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}(?:\/[A-Za-z0-9.]{1,16})?$/;
/** With these the client would speak HTTP to the upstream, past all that is decided per request. */
const HTTP_ITSELF = /^(?:http|h2c?|h3|tls)(?:[/.-]|$)/i;

/** The one protocol other than HTTP that a request without a body asks for, if its connection can be given to it. */
export function requestedProtocol(request: IncomingMessage): string | undefined {
  const { upgrade, 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (upgrade === undefined || !PROTOCOL.test(upgrade) || HTTP_ITSELF.test(upgrade)) return undefined;
  if (request.httpVersion !== '1.1' || encoding !== undefined || (length ?? '0') !== '0') return undefined;
  // An answer to an earlier request is still to be sent on this connection.
  return (request.socket as { _httpMessage?: unknown })._httpMessage ? undefined : upgrade;
}

/** Whether an upstream's `101` changes to the protocol that was asked for. */
export function upgradesTo(rawHeaders: readonly (Buffer | string)[], protocol: string): boolean {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && String(rawHeaders[i - 1]).toLowerCase() === 'upgrade');
  return values.length === 1 && String(values[0]).toLowerCase() === protocol.toLowerCase();
}

/**
 * The answer to a request that Node has handed over with its connection: either an ordinary one, and then the connection ends, or
 * `101 Switching Protocols`, and then the connection is the upstream's.
 */
export class UpgradeResponse extends ServerResponse {
  readonly protocol: string;
  /** Whether a piece may pass; put there by whoever lets the request in. */
  permitted: () => boolean = () => false;
  readonly #client: Socket;
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;
  #tunnel: Tunnel | undefined;

  /**
   * @param head what came right behind the request
   * @param idleTimeoutMs the longest silence on the connection, over both directions
   */
  constructor(request: IncomingMessage, client: Socket, head: Buffer, idleTimeoutMs: number) {
    super(request);
    this.protocol = requestedProtocol(request) ?? '';
    this.#client = client;
    this.assignSocket(client);
    client
      .on('error', () => client.destroy())
      .on('data', this.#hold)
      .on('end', this.#clientLeft);
    client.on('drain', this.#drained);
    client.setTimeout(idleTimeoutMs, () => this.cut()); // the server's own went with the handover
    this.once('finish', this.#endConnection);
    if (head.length > 0) this.#hold(head);
  }

  /**
   * Sends `101` and joins the two connections.
   *
   * @param headers a flat list, without `Connection` and `Upgrade`
   */
  switchProtocols(headers: readonly string[], upstream: Duplex): void {
    this.writeHead(101, 'Switching Protocols', [...headers, 'Connection', 'Upgrade', 'Upgrade', this.protocol]);
    this.flushHeaders();
    this.detachSocket(this.#client);
    this.#client.off('data', this.#hold).off('end', this.#clientLeft).off('drain', this.#drained);
    this.#tunnel = new Tunnel(this.#client, upstream, this.permitted);
    this.#tunnel.start(this.#early);
  }

  /** Ends it at whatever point it is, with nothing more to be read from it. */
  cut(): void {
    if (this.#tunnel) return this.#tunnel.cut();
    reset(this.#client);
    this.destroyed = true; // by itself, Node would say so only later in this turn
  }

  readonly #hold = (piece: Buffer): void => {
    if (this.headersSent) return; // the upgrade was refused, and this is in a protocol that nobody speaks
    this.#earlyBytes += piece.length;
    if (this.#earlyBytes > EARLY_BYTES_MAX) this.#client.destroy();
    else this.#early.push(piece);
  };

  readonly #clientLeft = (): void => {
    if (!this.headersSent) this.#client.destroy();
  };

  readonly #drained = (): void => void this.emit('drain');

  readonly #endConnection = (): void => {
    this.detachSocket(this.#client);
    this.#client.destroySoon();
  };
}
