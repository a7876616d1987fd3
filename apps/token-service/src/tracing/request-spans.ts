import { type Attributes, context, type Context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { methodAttributes, type Tracing } from '@portcullis/telemetry';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AuthenticatedRequest } from '../authentication/current-caller.js';

/** Asked for all the time, and by machines: their spans would hide the others. */
const NOT_TRACED = /^\/(?:internal\/|livez$|readyz$)/;

/**
 * Makes a span for each request of the API, in the trace that its `traceparent` names: the gateway's, as a rule. The query is left
 * out: it may hold secrets.
 */
export function traceRequests(fastify: FastifyInstance, tracing: Tracing): void {
  const contexts = new WeakMap<FastifyRequest, Context>();
  fastify.addHook('onRequest', (request, reply, done) => {
    if (NOT_TRACED.test(request.routeOptions.url ?? '')) return done();
    const parent = tracing.parentOf(request.headers);
    const span = tracing.tracer.startSpan(
      nameOf(request),
      { kind: SpanKind.SERVER, attributes: attributesOf(request) },
      parent,
    );
    contexts.set(request, trace.setSpan(parent, span));
    reply.raw.once('close', () => end(span, reply.raw.statusCode, !reply.raw.writableFinished));
    context.with(contexts.get(request)!, done);
  });
  // Once more: reading the body loses it.
  fastify.addHook('preValidation', (request, _reply, done) => {
    context.with(contexts.get(request) ?? context.active(), done);
  });
}

function nameOf({ method, routeOptions }: FastifyRequest): string {
  return [methodAttributes(method)['http.request.method'], routeOptions.url].filter(Boolean).join(' ');
}

function attributesOf(request: FastifyRequest): Attributes {
  const { origin } = request as unknown as AuthenticatedRequest;
  const attributes: Attributes = {
    ...methodAttributes(request.method),
    'url.scheme': 'http',
    'url.path': request.url.replace(/\?.*/s, ''),
    'network.protocol.version': request.raw.httpVersion,
    'client.address': origin.address,
    'portcullis.request.id': origin.requestId,
  };
  if (request.routeOptions.url !== undefined) attributes['http.route'] = request.routeOptions.url;
  if (request.headers.host !== undefined) attributes['server.address'] = request.headers.host;
  return attributes;
}

function end(span: Span, status: number, aborted: boolean): void {
  span.setAttribute('http.response.status_code', status);
  if (aborted || status >= 500) {
    span.setAttribute('error.type', aborted ? 'aborted' : String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
