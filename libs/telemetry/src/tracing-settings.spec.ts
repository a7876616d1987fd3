import { describe, expect, it } from 'vitest';
import { readTracingSettings } from './tracing-settings.js';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function read(env: Record<string, string>) {
  const faults: string[] = [];
  const settings = readTracingSettings(env, (name, what) => faults.push(`${name} ${what}`));
  return { settings, faults };
}

describe('the settings of tracing', () => {
  it.each([
    ['without an endpoint', {}],
    ['with an empty one', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['where the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }],
    ['where no exporter is wanted', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
  ])('switch it off %s', (_, env) => expect(read(env)).toEqual({ settings: undefined, faults: [] }));

  it('have OpenTelemetry’s defaults', () => {
    const defaults = { protocol: 'http/protobuf', sampler: 'parentbased_always_on', sampledShare: 1 };
    expect(read(ENDPOINT).settings).toEqual(defaults);
    expect(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c/v1/traces' }).settings).toEqual(defaults);
  });

  it('take the more particular variable first', () => {
    const env = { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' };
    expect(read(env)).toMatchObject({ settings: { protocol: 'http/json' }, faults: [] });
  });

  it('name what is wrong, and no value', () => {
    const { faults } = read({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'user:hunter2@collector',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_TRACES_SAMPLER: 'sometimes',
      OTEL_TRACES_SAMPLER_ARG: '2',
    });
    expect(faults.map((fault) => fault.split(' ')[0]).toSorted()).toEqual([
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'OTEL_TRACES_EXPORTER',
      'OTEL_TRACES_SAMPLER',
      'OTEL_TRACES_SAMPLER_ARG',
    ]);
    expect(faults.join()).not.toContain('hunter2');
  });
});
