import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, context, defaultTextMapGetter, ROOT_CONTEXT, trace, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { ReportingExporter } from './reporting-exporter.js';
import type { TracedProcess, Tracing, TracingLog } from './tracing.js';
import type { TracingSettings } from './tracing-settings.js';

/** Spans that wait to be sent; what comes on top is dropped, so that a receiver that hangs costs no more than this. */
const WAITING_SPANS_MAX = 4_096;
const BATCH_SPANS_MAX = 512;
const BATCH_INTERVAL_MS = 1_000;
/** Of one attribute: a client chooses the length of its path and user agent. */
const ATTRIBUTE_CHARACTERS_MAX = 1_024;

/** Tracing by OpenTelemetry's SDK. Import it dynamically: see {@link startTracing}. */
export class SdkTracing implements Tracing {
  readonly #propagator = new W3CTraceContextPropagator();

  private constructor(
    readonly tracer: Tracer,
    private readonly provider: TracerProvider,
    private readonly log: TracingLog,
  ) {}

  /** Makes it the process's own too, so that spans find their parents across awaits. */
  static async start(settings: TracingSettings, traced: TracedProcess, log: TracingLog): Promise<SdkTracing> {
    const exporter = new ReportingExporter(await exporterFor(settings), log);
    const provider = new TracerProvider({
      sampler: samplerOf(settings),
      resource: resourceOf(traced),
      spanLimits: { attributeValueLengthLimit: ATTRIBUTE_CHARACTERS_MAX },
      spanProcessors: [
        new BatchSpanProcessor({
          exporter,
          maxQueueSize: WAITING_SPANS_MAX,
          maxExportBatchSize: BATCH_SPANS_MAX,
          scheduledDelayMillis: BATCH_INTERVAL_MS,
        }),
      ],
    });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(provider);
    return new SdkTracing(provider.getTracer('portcullis', traced.serviceVersion), provider, log);
  }

  parentOf(headers: Readonly<Record<string, string | string[] | undefined>>): Context {
    return this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
  }

  headersFor(spanContext: Context): string[] {
    const headers: string[] = [];
    this.#propagator.inject(spanContext, headers, { set: (list, name, value) => void list.push(name, value) });
    return headers;
  }

  async shutDown(timeoutMs: number): Promise<void> {
    const tooLate = sleep(timeoutMs, 'too late' as const, { ref: false });
    const ended = this.provider.shutdown().catch(() => 'failed' as const);
    if ((await Promise.race([ended, tooLate])) !== undefined) this.log.warn('The last spans could not be sent');
  }
}

/** Either reads endpoint, headers, timeout, compression and certificates from the environment. */
async function exporterFor({ protocol }: TracingSettings): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

function samplerOf({ sampler, sampledShare }: TracingSettings): Sampler {
  const roots = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(sampledShare),
  };
  const [, parentBased, name] = /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(sampler)!;
  const root = roots[name as keyof typeof roots]();
  return parentBased ? new ParentBasedSampler({ root }) : root;
}

/** What `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` say comes last, and so wins. */
function resourceOf({ serviceName, serviceVersion, instance }: TracedProcess) {
  const own = {
    [ATTR_SERVICE_NAME]: serviceName,
    [ATTR_SERVICE_VERSION]: serviceVersion,
    [ATTR_SERVICE_INSTANCE_ID]: instance,
  };
  return defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [envDetector] }));
}
