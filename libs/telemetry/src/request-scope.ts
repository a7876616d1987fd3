import { AsyncLocalStorage } from 'node:async_hooks';
import { trace } from '@opentelemetry/api';

const requestIds = new AsyncLocalStorage<string>();

/** Runs `work` so that what is logged in it, and in what follows from it, carries the request's id. */
export function withRequestId<T>(requestId: string, work: () => T): T {
  return requestIds.run(requestId, work);
}

/** What a line of the log says of the request and the trace that it belongs to; nothing outside of one. */
export function scopeFields(): Record<string, string> {
  const requestId = requestIds.getStore();
  const span = trace.getActiveSpan()?.spanContext();
  return {
    ...(requestId !== undefined && { request_id: requestId }),
    ...(span && { trace_id: span.traceId, span_id: span.spanId }),
  };
}
