import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessLog } from './access-log.js';
import type { RequestSpan, UpstreamSpan } from './request-span.js';

/** What is known of a request when it is over. */
export interface RequestFacts {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly requestId: string | undefined;
  readonly clientAddress: string | undefined;
  /** The number of the token that let it in; null in a session, undefined when it wasn't let in. */
  readonly tokenId: number | null | undefined;
  /** The code of the problem that the gateway answered with. */
  readonly refusal: string | undefined;
  /** Cut off before the end of the answer. */
  readonly aborted: boolean;
  readonly traceId: string | undefined;
}

/** One request that is logged or traced, from its arrival to its end. */
export class ObservedRequest {
  readonly #startedMs = performance.now();
  #requestId: string | undefined;
  #clientAddress: string | undefined;
  #tokenId: number | null | undefined;
  #refusal: string | undefined;
  #isOver = false;

  constructor(
    private readonly request: IncomingMessage,
    response: ServerResponse,
    private readonly route: string,
    private readonly log: AccessLog | undefined,
    private readonly span: RequestSpan | undefined,
  ) {
    response.once('close', () => this.#end(response.statusCode, !response.writableFinished));
  }

  /** For lines of the log that belong to it. */
  get traceId(): string | undefined {
    return this.span?.traceId;
  }

  identify(requestId: string, clientAddress?: string): void {
    this.#requestId = requestId;
    this.#clientAddress = clientAddress;
  }

  admit(tokenId: number | null): void {
    this.#tokenId = tokenId;
  }

  refuse(code: string): void {
    this.#refusal = code;
  }

  /** An upstream is about to be asked. @returns undefined when it isn't traced */
  attempt(upstreamOrigin: string): UpstreamSpan | undefined {
    return this.span?.attempt(upstreamOrigin);
  }

  /** Its connection goes on in another protocol. */
  upgraded(): void {
    this.#end(101, false);
  }

  #end(status: number, aborted: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const facts: RequestFacts = {
      method: this.request.method ?? '',
      route: this.route,
      status,
      durationMs: performance.now() - this.#startedMs,
      requestId: this.#requestId,
      clientAddress: this.#clientAddress,
      tokenId: this.#tokenId,
      refusal: this.#refusal,
      aborted,
      traceId: this.traceId,
    };
    this.span?.end(facts);
    this.log?.write(facts);
  }
}
