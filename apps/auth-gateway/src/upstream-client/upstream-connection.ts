import { connect, type Socket } from 'node:net';
import { errors } from 'undici';
import type { Flight } from './flight.js';
import { createResponseParser, type ResponseEvents, type ResponseParser } from './response-parser.js';

/** What a connection needs of those that hold it. Times are in ticks of theirs. */
export interface ConnectionOwner {
  readonly host: string;
  readonly port: number;
  /** When a wait that begins now is too long. */
  deadline(wait: 'connect' | 'headers' | 'body'): number;
  /** It can take the next request. */
  idle(connection: UpstreamConnection): void;
  closed(connection: UpstreamConnection): void;
}

const KEEP_ALIVE_PROBE_MS = 60_000;
const KEEP_ALIVE_TIMEOUT = /\btimeout\s*=\s*(\d{1,6})/i;
const FRAMING = /^(?:content-length|transfer-encoding)$/i;
const NEVER = Infinity;

/**
 * A connection to an upstream that carries one request at a time, none with a body. Answers are parsed by llhttp; one that can't
 * be told from what comes before or after it ends the connection.
 */
export class UpstreamConnection implements ResponseEvents {
  /** In ticks of the owner's. */
  deadline: number;
  /** How long it may lie idle, as the upstream said; undefined: it said nothing. */
  idleMs: number | undefined;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser: ResponseParser;
  #flight: Flight | undefined;
  #connected = false;
  /** The head of the final answer has come. */
  #answering = false;
  #interim = false;
  #keepsAlive = true;
  #parts: string[] | undefined;
  #keepAliveHeader = '';

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.deadline = owner.deadline('connect');
    this.#parser = createResponseParser(this);
    this.#socket = connect({ host: owner.host, port: owner.port, noDelay: true });
    this.#socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    this.#socket.on('connect', () => this.#onConnect());
    this.#socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#onClose());
  }

  /** Whether it can be given a request. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Sends a request, once it is connected; the answer goes to the flight's handler. */
  send(flight: Flight): void {
    this.#flight = flight;
    flight.connection = this;
    if (this.#connected) this.#launch(flight);
  }

  /** The deadline has passed. */
  expire(): void {
    if (!this.#flight) return this.destroy();
    if (!this.#connected) this.#fail(new errors.ConnectTimeoutError('the upstream took too long to take a connection'));
    else if (this.#answering) this.#fail(new errors.BodyTimeoutError());
    else this.#fail(new errors.HeadersTimeoutError());
  }

  destroy(): void {
    this.#fail(new errors.ClientDestroyedError());
    this.#socket.destroy();
  }

  /** @internal of the flight */
  abort(flight: Flight, reason: Error): void {
    if (flight === this.#flight) this.#fail(reason);
  }

  /** @internal of the flight */
  pause(flight: Flight): void {
    if (flight !== this.#flight) return;
    this.#socket.pause();
    this.deadline = NEVER;
  }

  /** @internal of the flight */
  resume(flight: Flight): void {
    if (flight !== this.#flight) return;
    this.#socket.resume();
    this.deadline = this.#owner.deadline('body');
  }

  messageBegins(): void {
    if (!this.#flight) throw new errors.SocketError('bytes behind the end of an answer');
  }

  headers(part: string[]): void {
    this.#parts = this.#parts ? [...this.#parts, ...part] : part;
  }

  headersEnd(status: number, phrase: string, rest: string[] | undefined, keepAlive: boolean): boolean {
    const raw = rest ?? this.#takeParts();
    const flight = this.#flight;
    if (!flight) return true;
    if (status === 101) throw new errors.SocketError('bad upgrade');
    this.#interim = status < 200;
    if (!this.#interim) {
      this.#answering = true;
      this.#keepsAlive = keepAlive && this.#readKeepAlive(raw) && !(flight.answersHead || mayBringBody(status, raw));
      this.deadline = this.#owner.deadline('body');
    }
    flight.rawHeaders = raw;
    flight.handler.onResponseStart?.(flight, status, {}, phrase);
    return this.#interim || flight.answersHead;
  }

  body(chunk: Buffer): void {
    const flight = this.#flight;
    if (!flight) return;
    this.deadline = this.#owner.deadline('body');
    flight.handler.onResponseData?.(flight, chunk);
  }

  messageEnds(): void {
    if (this.#interim) {
      this.#interim = false;
      return;
    }
    const flight = this.#flight;
    if (!flight) return;
    flight.rawTrailers = this.#takeParts();
    this.#flight = undefined;
    this.#answering = false;
    if (flight.paused) this.#socket.resume();
    flight.handler.onResponseEnd?.(flight, {});
  }

  #onConnect(): void {
    this.#connected = true;
    if (this.#flight) this.#launch(this.#flight);
    else this.#rest();
  }

  #launch(flight: Flight): void {
    flight.started = true;
    flight.handler.onRequestStart?.(flight, {});
    if (flight !== this.#flight) return; // the handler wants it no more
    this.deadline = this.#owner.deadline('headers');
    this.#socket.write(flight.head, 'latin1');
  }

  /** What a handler throws ends the connection too: nobody knows how far it got. */
  #onData(bytes: Buffer): void {
    if (!this.#flight) return void this.#socket.destroy(); // an answer that nobody asked for
    try {
      this.#parser.execute(bytes);
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
    }
    if (!this.#flight && !this.#socket.destroyed) this.#rest();
  }

  #onEnd(): void {
    try {
      if (this.#answering) this.#parser.finish();
    } catch (error) {
      this.#fail(error as Error);
    }
    this.#socket.destroy();
  }

  #onClose(): void {
    this.#fail(new errors.SocketError('other side closed'));
    this.#owner.closed(this);
    setImmediate(() => this.#parser.close()); // not while it is on the stack
  }

  /** An upstream that answers before it has read the whole request may take the rest of it for another one. */
  #rest(): void {
    if (this.#keepsAlive && this.#socket.writableLength === 0) this.#owner.idle(this);
    else this.#socket.destroy();
  }

  #fail(error: Error): void {
    const flight = this.#flight;
    if (!flight) return;
    this.#flight = undefined;
    this.#socket.destroy();
    flight.handler.onResponseError?.(flight.started ? flight : (null as never), error);
  }

  #takeParts(): string[] {
    const parts = this.#parts ?? [];
    this.#parts = undefined;
    return parts;
  }

  /** Looks for how long the upstream keeps an idle connection. @returns whether it does */
  #readKeepAlive(raw: readonly string[]): boolean {
    for (let i = 0; i < raw.length; i += 2) {
      const [name, value] = [raw[i] as string, raw[i + 1] as string];
      if (name.length !== 10 || value === this.#keepAliveHeader || name.toLowerCase() !== 'keep-alive') continue;
      const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1];
      this.#keepAliveHeader = value;
      this.idleMs = seconds === undefined ? undefined : Number(seconds) * 1_000;
    }
    return this.idleMs !== 0;
  }
}

/** Upstreams err, and send a body where there is none: as to HEAD, its bytes would be taken for the next answer if they came late. */
function mayBringBody(status: number, raw: readonly string[]): boolean {
  if (status !== 204 && status !== 304) return false;
  return raw.some((name, i) => i % 2 === 0 && FRAMING.test(name) && raw[i + 1] !== '0');
}
