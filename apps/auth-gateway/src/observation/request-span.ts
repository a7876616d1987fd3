import type { IncomingMessage } from 'node:http';
import { type Attributes, type Context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { methodAttributes, type Tracing } from '@portcullis/telemetry';
import type { RequestFacts } from './observed-request.js';

/**
 * The server's span of a request (OpenTelemetry's semantic conventions for HTTP), in the client's trace where it names one. The
 * query is left out: it may hold secrets.
 */
export class RequestSpan {
  private constructor(
    private readonly tracing: Tracing,
    private readonly span: Span,
    private readonly context: Context,
    private readonly about: { readonly method: Attributes; readonly path: string },
  ) {}

  /** @param path normalised; undefined: it could not be read */
  static begin(tracing: Tracing, request: IncomingMessage, route: string, path: string | undefined): RequestSpan {
    const method = methodAttributes(request.method ?? '');
    const attributes: Attributes = {
      ...method,
      'url.scheme': 'encrypted' in request.socket && request.socket.encrypted ? 'https' : 'http',
      'network.protocol.version': request.httpVersion,
    };
    if (path !== undefined) attributes['url.path'] = path;
    if (route !== '') attributes['http.route'] = route;
    const { host, 'user-agent': userAgent } = request.headers;
    if (host !== undefined) attributes['server.address'] = host;
    if (userAgent !== undefined) attributes['user_agent.original'] = userAgent;

    const name = [method['http.request.method'], route].filter(Boolean).join(' ');
    const parent = tracing.parentOf(request.headers);
    const span = tracing.tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
    return new RequestSpan(tracing, span, trace.setSpan(parent, span), { method, path: path ?? '' });
  }

  get traceId(): string {
    return this.span.spanContext().traceId;
  }

  /** Begins the span of one try at an upstream. */
  attempt(upstreamOrigin: string): UpstreamSpan {
    const url = new URL(upstreamOrigin);
    const attributes: Attributes = {
      ...this.about.method,
      'server.address': url.hostname,
      'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
      'url.full': upstreamOrigin + this.about.path,
    };
    const name = String(this.about.method['http.request.method']);
    const span = this.tracing.tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, this.context);
    return new UpstreamSpan(span, this.tracing.headersFor(trace.setSpan(this.context, span)));
  }

  end({ status, requestId, clientAddress, tokenId, refusal, aborted }: RequestFacts): void {
    const { span } = this;
    span.setAttribute('http.response.status_code', status);
    if (clientAddress !== undefined) span.setAttribute('client.address', clientAddress);
    if (requestId !== undefined) span.setAttribute('portcullis.request.id', requestId);
    if (typeof tokenId === 'number') span.setAttribute('portcullis.token.id', tokenId);
    if (refusal !== undefined) span.setAttribute('portcullis.refusal', refusal);
    if (aborted) span.setAttribute('error.type', 'aborted');
    else if (status >= 500) span.setAttribute('error.type', String(status));
    if (aborted || status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}

/** The client's span of one try at an upstream. */
export class UpstreamSpan {
  constructor(
    private readonly span: Span,
    /** `traceparent` and `tracestate` for the upstream, as a flat list. */
    readonly headers: readonly string[],
  ) {}

  answered(status: number): void {
    this.span.setAttribute('http.response.status_code', status);
    if (status >= 400) this.#fail(String(status));
  }

  /** @param error why there was no whole answer, if there was none */
  end(error?: Error): void {
    if (error) this.#fail((error as NodeJS.ErrnoException).code ?? error.name);
    this.span.end();
  }

  #fail(type: string): void {
    this.span.setAttribute('error.type', type);
    this.span.setStatus({ code: SpanStatusCode.ERROR });
  }
}
