import type { Context, Tracer } from '@opentelemetry/api';
import type { TracingSettings } from './tracing-settings.js';

/** What a process needs to take part in traces. */
export interface Tracing {
  readonly tracer: Tracer;
  /** The trace that a request belongs to, by its `traceparent` and `tracestate` (W3C Trace Context); none when they aren't valid. */
  parentOf(headers: Readonly<Record<string, string | string[] | undefined>>): Context;
  /** The headers that hand a span on to the next service, as a flat list of names and values. */
  headersFor(context: Context): string[];
  /** Sends what is left, within `timeoutMs`. Never throws. */
  shutDown(timeoutMs: number): Promise<void>;
}

export interface TracedProcess {
  /** `service.name`, unless `OTEL_SERVICE_NAME` says otherwise. */
  serviceName: string;
  serviceVersion: string;
  /** `service.instance.id`. */
  instance: string;
}

/** What tracing says of itself; Nest's Logger will do. */
export interface TracingLog {
  log(message: string): void;
  warn(message: string): void;
}

/** For injection; undefined there when there are no traces. */
export const TRACING = Symbol('TRACING');

/** Starts tracing. OpenTelemetry's SDK is loaded here, and so not at all in a process that makes no traces. */
export async function startTracing(
  settings: TracingSettings,
  traced: TracedProcess,
  log: TracingLog,
): Promise<Tracing> {
  const { SdkTracing } = await import('./sdk-tracing.js');
  return SdkTracing.start(settings, traced, log);
}
