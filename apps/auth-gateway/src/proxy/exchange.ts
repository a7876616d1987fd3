import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Problem } from '@portcullis/contracts';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { ObservedRequest } from '../observation/observed-request.js';
import type { UpstreamSpan } from '../observation/request-span.js';
import { withoutHeaders } from './header-names.js';
import { answerProblem, breakOff } from './problem-answer.js';
import { discardBody, type RequestBody } from './request-body.js';
import { clientResponseHeaders, clientTrailers, type ResponseRules } from './response-headers.js';
import type { Upstream, UpstreamGroup } from './upstream.js';
import { reset } from './tunnel.js';
import { UpgradeResponse, upgradesTo } from './upgrade-response.js';
import { isOurFault, isUpstreamsFault, UPSTREAM_BUSY, UPSTREAM_FAILED, upstreamProblem } from './upstream-problems.js';

/** What goes to the upstream. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** A flat list of names and values. */
  readonly headers: string[];
  readonly body: RequestBody | undefined;
  /** Another protocol that is asked for; the response is an UpgradeResponse then. */
  readonly upgrade?: string;
}

type RawHeaders = readonly (Buffer | string)[];

/** A body of at most this many bytes that comes whole leaves in one write with its head. */
const HELD_BYTES_MAX = 16_384;
/** Interim answers know no backpressure: a client that doesn't read gets no more of them. */
const INTERIM_BYTES_MAX = 65_536;

/** The client's: an upstream that is told of the gateway's span must not be told of another. */
const TRACE_CONTEXT = ['traceparent', 'tracestate'];
const REASON_PHRASE = /^[\t\x20-\x7E]*$/;

/**
 * One admitted request and its answer, streamed both ways with backpressure. Nothing is buffered. When one side goes away, the
 * other is told. An upstream that can't be reached is passed over for the next one, as long as nothing was sent.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #upstreams: readonly Upstream[];
  #attempt = 0;
  #upstream: Upstream | undefined;
  /** Of the attempt under way, where it is traced. */
  #span: UpstreamSpan | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #sent = false;
  #flushed = false;
  /** The first part of the body: its end may be right behind it. */
  #held: Buffer | undefined;
  #takesTrailers = false;

  /** @param closing whether the connection is to be closed with the answer */
  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly outgoing: UpstreamRequest,
    group: UpstreamGroup,
    private readonly rules: ResponseRules,
    private readonly closing: () => boolean,
    private readonly observed?: ObservedRequest,
  ) {
    this.#upstreams = group.order();
  }

  /** Sends the request on. Whatever happens, the response is answered or cut. */
  start(): void {
    this.response.on('close', this.#onClientClosed);
    this.dispatchToNext();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#sent = true;
    if (this.response.destroyed) controller.abort(new Error('the client went away'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, reason?: string): void {
    const raw = (controller.rawHeaders ?? []) as RawHeaders;
    if (status < 200) return this.sendInterim(status, raw);
    this.#upstream?.health.answered();
    this.#span?.answered(status);

    this.#takesTrailers = this.canBeChunked(status);
    const headers = clientResponseHeaders(raw, status, this.#takesTrailers, this.rules);
    if (this.closing()) headers.push('Connection', 'close');
    const phrase = reason !== undefined && REASON_PHRASE.test(reason) ? reason : STATUS_CODES[status];
    this.response.writeHead(status, phrase ?? '', headers);
    // Node holds the head back until there is a body: an event stream may be silent for long.
    process.nextTick(flushHead, this);
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    _status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    this.#upstream?.health.answered();
    this.#span?.answered(101);
    this.leaveUpstream(); // what lasts isn't counted among the requests
    socket.on('error', () => socket.destroy());
    const { response } = this;
    const raw = (controller.rawHeaders ?? []) as RawHeaders;
    if (response instanceof UpgradeResponse && !response.destroyed && upgradesTo(raw, response.protocol)) {
      response.switchProtocols(clientResponseHeaders(raw, 101, false, this.rules), socket);
      this.observed?.upgraded();
      return;
    }
    reset(socket);
    if (!response.destroyed) this.fail(UPSTREAM_FAILED);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#flushed && chunk.length <= HELD_BYTES_MAX) {
      this.#flushed = true;
      this.#held = chunk;
      return;
    }
    this.#flushed = true;
    this.writeHeld();
    if (this.response.write(chunk) || controller.paused) return; // several pieces may come in one
    controller.pause();
    this.response.once('drain', () => controller.resume());
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#flushed = true;
    this.leaveUpstream();
    const raw = (controller.rawTrailers ?? []) as RawHeaders;
    if (raw.length > 0 && this.#takesTrailers && this.response.chunkedEncoding) {
      this.response.addTrailers(clientTrailers(raw) as never);
    }
    this.endResponse();
    // An answer before the end of the request: its rest is thrown away, or the connection is useless.
    this.outgoing.body?.destroy();
    if (this.outgoing.body && !this.request.complete) {
      discardBody(this.request, (whole) => {
        if (!whole) this.request.socket.destroy();
      });
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const upstream = this.#upstream;
    this.leaveUpstream(error);
    if (this.response.destroyed) {
      this.outgoing.body?.destroy();
      return;
    }
    upstream?.warn(error);
    if (isUpstreamsFault(error)) upstream?.health.failed(this.#sent);
    if (!this.#sent && !isOurFault(error) && this.#attempt < this.#upstreams.length) return this.dispatchToNext();
    this.outgoing.body?.destroy();
    if (this.response.headersSent) breakOff(this.response);
    else this.fail(upstreamProblem(error, this.#sent, this.rules.fromTokenService));
  }

  /** @internal */
  flushHead(): void {
    if (this.#held) this.writeHeld();
    else if (!this.#flushed && !this.response.destroyed) this.response.flushHeaders();
    this.#flushed = true;
  }

  private writeHeld(): void {
    if (!this.#held) return;
    this.response.write(this.#held);
    this.#held = undefined;
  }

  private endResponse(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) this.response.end();
    // Node joins a string with the head, and sends a Buffer beside it in a dearer call.
    else this.response.end(held.toString('latin1'), 'latin1');
  }

  private dispatchToNext(): void {
    while (this.#attempt < this.#upstreams.length) {
      const upstream = this.#upstreams[this.#attempt] as Upstream;
      this.#attempt += 1;
      if (upstream.busy) continue;
      this.#upstream = upstream;
      const { method, target, headers, body, upgrade = null } = this.outgoing;
      this.#span = this.observed?.attempt(upstream.origin);
      const sent = this.#span ? [...withoutHeaders(headers, TRACE_CONTEXT), ...this.#span.headers] : headers;
      upstream.dispatch({ method, path: target, headers: sent, body: body ?? null, upgrade }, this);
      return;
    }
    this.outgoing.body?.destroy();
    this.fail(UPSTREAM_BUSY);
  }

  private leaveUpstream(error?: Error): void {
    if (this.#upstream) this.#upstream.active -= 1;
    this.#upstream = undefined;
    this.#span?.end(error);
    this.#span = undefined;
  }

  private fail(problem: Problem): void {
    this.observed?.refuse(problem.code);
    answerProblem(this.request, this.response, problem, this.rules.added, this.closing());
  }

  /** Interim answers such as 103 go through; 100 is the gateway's own affair (RFC 9110 section 15.2). */
  private sendInterim(status: number, raw: RawHeaders): void {
    const { request, response } = this;
    if (status < 102 || request.httpVersionMinor === 0 || response.headersSent) return;
    if (response.writableLength > INTERIM_BYTES_MAX) return;
    const headers = clientResponseHeaders(raw, status, false, { ...this.rules, added: [] });
    response.writeInformation(status, headers);
  }

  private canBeChunked(status: number): boolean {
    return this.request.httpVersionMinor === 1 && this.request.method !== 'HEAD' && status !== 204 && status !== 304;
  }

  readonly #onClientClosed = (): void => {
    if (this.#upstream === undefined) return; // the answer is complete
    this.#controller?.abort(new Error('the client went away'));
  };
}

function flushHead(exchange: Exchange): void {
  exchange.flushHead();
}
