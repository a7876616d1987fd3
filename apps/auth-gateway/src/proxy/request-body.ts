import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** The client took too long to send its body. */
export class BodyTimeoutError extends Error {
  constructor() {
    super('the client stopped sending its body');
    this.name = 'BodyTimeoutError';
  }
}

/**
 * A request's body on its way to an upstream, with backpressure. It stands between the two because undici destroys the body of
 * a request that fails, and a destroyed IncomingMessage takes the client's connection along before it can be answered.
 */
export class RequestBody extends Readable {
  #started = false;
  #idle: NodeJS.Timeout | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #expectsContinue: boolean;
  readonly #idleTimeoutMs: number;

  /**
   * @param expectsContinue the client waits for `100 Continue` (RFC 9110 section 10.1.1): it is sent when an upstream is ready
   * @param idleTimeoutMs the longest wait for the next piece
   */
  constructor(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean, idleTimeoutMs: number) {
    super({ highWaterMark: 65_536 });
    this.#request = request;
    this.#response = response;
    this.#expectsContinue = expectsContinue;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  override _read(): void {
    if (!this.#started) this.start();
    this.#idle?.refresh();
    this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#idle);
    this.#request
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onClose);
    // An error after this is the client's connection breaking; the response hears of it.
    this.#request.on('error', ignore);
    if (!this.#request.readableEnded) this.#request.pause();
    callback(error);
  }

  private start(): void {
    this.#started = true;
    this.#idle = setTimeout(() => this.onIdle(), this.#idleTimeoutMs);
    this.#request.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
    if (this.#expectsContinue && !this.#response.headersSent) this.#response.writeContinue();
  }

  private onIdle(): void {
    if (!this.#request.isPaused()) this.destroy(new BodyTimeoutError());
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#idle?.refresh();
    if (!this.push(chunk)) this.#request.pause();
  };

  readonly #onEnd = (): void => {
    clearTimeout(this.#idle);
    this.push(null);
  };

  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.destroy(new Error('the client went away'));
  };
}

function ignore(): void {}

/** What is thrown away after an early answer, before the connection is cut. */
const DISCARDED_BYTES_MAX = 1_048_576;
const DISCARDING_MS = 2_000;

/**
 * Reads on and throws away, so that the client gets to read its answer instead of a reset (RFC 9112 section 9.6).
 *
 * @param done called once: true when the body came to its end, false when it was too long or took too long
 */
export function discardBody(request: IncomingMessage, done: (whole: boolean) => void): void {
  let bytes = 0;
  const settle = (whole: boolean): void => {
    clearTimeout(timer);
    request.off('data', onData).off('end', onEnd).off('close', onClose);
    done(whole);
  };
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > DISCARDED_BYTES_MAX) settle(false);
  };
  const onEnd = (): void => settle(true);
  const onClose = (): void => settle(request.complete);
  const timer = setTimeout(() => settle(false), DISCARDING_MS);
  request.on('error', ignore).on('data', onData).on('end', onEnd).on('close', onClose).resume();
  if (request.readableEnded) settle(true);
}
