import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

/**
 * Runs `work` as a span of the current trace. Where nothing is traced it is just run.
 *
 * @param work may put what it finds on the span, and no secret
 */
export function inSpan<T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> {
  return spanAround(name, { attributes, kind: SpanKind.INTERNAL, parent: context.active() }, work);
}

/** The current span as a `traceparent` (W3C Trace Context), for work that goes on elsewhere and later; undefined without one. */
export function currentTraceparent(): string | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  return span && `00-${span.traceId}-${span.spanId}-0${span.traceFlags & 1}`;
}

/** Runs `work`, which sends a message, as a span of the trace in which the message was written. Without one it is just run. */
export function inProducerSpan<T>(
  traceparent: string | undefined,
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])$/.exec(traceparent ?? '') ?? [];
  if (!traceId || !spanId) return work();
  const parent = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number(flags), isRemote: true });
  return spanAround(name, { attributes, kind: SpanKind.PRODUCER, parent }, work);
}

function spanAround<T>(
  name: string,
  { parent, ...options }: { attributes: Attributes; kind: SpanKind; parent: Context },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return trace.getTracer('portcullis').startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      markFailed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Says of a span that it failed, by the kind of error alone: a message may hold what it should not. */
function markFailed(span: Span, error: unknown): void {
  const { name, code } = error as { name?: unknown; code?: unknown };
  span.setAttribute('error.type', String(code ?? name ?? 'error'));
  span.setStatus({ code: SpanStatusCode.ERROR });
}
