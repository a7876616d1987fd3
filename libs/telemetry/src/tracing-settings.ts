/** How traces are made and where they go, after OpenTelemetry's environment variables. */
export interface TracingSettings {
  protocol: (typeof PROTOCOLS)[number];
  sampler: Sampler;
  /** The share of traces that a `traceidratio` sampler takes, from 0 to 1. */
  sampledShare: number;
}

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type Sampler = (typeof SAMPLERS)[number];

const PROTOCOLS = ['http/protobuf', 'http/json'] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads what decides whether there are traces, and which. Where they go, and with what headers, timeout and certificates, the
 * exporter reads itself from the other `OTEL_EXPORTER_OTLP_…` variables.
 *
 * @param fault told of each variable that is wrong, never of its value: it may be a secret
 * @returns undefined when no endpoint is named, or tracing is switched off
 */
export function readTracingSettings(
  env: Environment,
  fault: (name: string, what: string) => void,
): TracingSettings | undefined {
  const value = (name: string): string | undefined => env[name]?.trim() || undefined;
  const endpointNames = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
  const endpoints = endpointNames.filter((name) => value(name) !== undefined);
  const isOff = value('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || value('OTEL_TRACES_EXPORTER') === 'none';
  if (endpoints.length === 0 || isOff) return undefined;

  for (const name of endpoints) {
    const { protocol } = URL.parse(value(name)!) ?? {};
    if (protocol !== 'http:' && protocol !== 'https:') fault(name, 'must be an http:// or https:// URL');
  }
  const oneOf = <T extends string>(names: readonly string[], choices: readonly T[], fallback: T): T => {
    const name = names.find((each) => value(each) !== undefined);
    if (name === undefined) return fallback;
    const choice = choices.find((each) => each === value(name));
    if (choice === undefined) fault(name, `must be one of ${choices.join(', ')}`);
    return choice ?? fallback;
  };
  oneOf(['OTEL_TRACES_EXPORTER'], ['otlp'], 'otlp');
  const share = Number(value('OTEL_TRACES_SAMPLER_ARG') ?? 1);
  if (!(share >= 0 && share <= 1)) fault('OTEL_TRACES_SAMPLER_ARG', 'must be a number from 0 to 1');
  return {
    protocol: oneOf(['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'], PROTOCOLS, 'http/protobuf'),
    sampler: oneOf(['OTEL_TRACES_SAMPLER'], SAMPLERS, 'parentbased_always_on'),
    sampledShare: share,
  };
}
