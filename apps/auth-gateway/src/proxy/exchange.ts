import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Problem } from '@portcullis/contracts';
import type { Dispatcher } from 'undici';
import { answerProblem } from './problem-answer.js';
import { discardBody, type RequestBody } from './request-body.js';
import { clientResponseHeaders, clientTrailers, type ResponseRules } from './response-headers.js';
import type { Upstream, UpstreamGroup } from './upstream.js';
import { isOurFault, UPSTREAM_BUSY, upstreamProblem } from './upstream-problems.js';

/** What goes to the upstream. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** A flat list of names and values. */
  readonly headers: string[];
  readonly body: RequestBody | undefined;
}

type RawHeaders = readonly (Buffer | string)[];

const REASON_PHRASE = /^[\t\x20-\x7E]*$/;

/**
 * One admitted request and its answer, streamed both ways with backpressure. Nothing is buffered. When one side goes away, the
 * other is told. An upstream that can't be reached is passed over for the next one, as long as nothing was sent.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #begin: number;
  #attempt = 0;
  #upstream: Upstream | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #sent = false;
  #flushed = false;
  #takesTrailers = false;

  /** @param closing whether the connection is to be closed with the answer */
  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly outgoing: UpstreamRequest,
    private readonly group: UpstreamGroup,
    private readonly rules: ResponseRules,
    private readonly closing: () => boolean,
  ) {
    this.#begin = group.begin();
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

    this.#takesTrailers = this.canBeChunked(status);
    const headers = clientResponseHeaders(raw, status, this.#takesTrailers, this.rules);
    if (this.closing()) headers.push('Connection', 'close');
    const phrase = reason !== undefined && REASON_PHRASE.test(reason) ? reason : STATUS_CODES[status];
    this.response.writeHead(status, phrase ?? '', headers);
    // Node holds the head back until there is a body: an event stream may be silent for long.
    process.nextTick(flushHead, this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#flushed = true;
    if (this.response.write(chunk)) return;
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
    this.response.end();
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
    this.leaveUpstream();
    if (this.response.destroyed) {
      this.outgoing.body?.destroy();
      return;
    }
    upstream?.warn(error);
    if (!this.#sent && !isOurFault(error) && this.#attempt < this.group.size) return this.dispatchToNext();
    this.outgoing.body?.destroy();
    if (this.response.headersSent) this.response.destroy();
    else this.fail(upstreamProblem(error, this.#sent, this.rules.fromTokenService));
  }

  /** @internal */
  flushHead(): void {
    if (!this.#flushed && !this.response.destroyed) this.response.flushHeaders();
  }

  private dispatchToNext(): void {
    while (this.#attempt < this.group.size) {
      const upstream = this.group.at(this.#begin, this.#attempt);
      this.#attempt += 1;
      if (upstream.busy) continue;
      this.#upstream = upstream;
      const { method, target, headers, body } = this.outgoing;
      upstream.dispatch({ method, path: target, headers, body: body ?? null }, this);
      return;
    }
    this.outgoing.body?.destroy();
    this.fail(UPSTREAM_BUSY);
  }

  private leaveUpstream(): void {
    if (this.#upstream) this.#upstream.active -= 1;
    this.#upstream = undefined;
  }

  private fail(problem: Problem): void {
    answerProblem(this.request, this.response, problem, this.rules.added, this.closing());
  }

  /** Interim answers such as 103 go through; 100 is the gateway's own affair (RFC 9110 section 15.2). */
  private sendInterim(status: number, raw: RawHeaders): void {
    if (status < 102 || this.request.httpVersionMinor === 0 || this.response.headersSent) return;
    const headers = clientResponseHeaders(raw, status, false, { ...this.rules, added: [] });
    this.response.writeInformation(status, headers);
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
