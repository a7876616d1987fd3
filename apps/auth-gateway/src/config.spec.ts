import { ConfigurationError } from '@portcullis/configuration';
import { describe, expect, it } from 'vitest';
import { readConfig } from './config.js';

const SECRET = 's'.repeat(32);
const MINIMUM = { NATS_URL: 'nats://127.0.0.1:4222', PORTCULLIS_INTERNAL_SECRET: SECRET };

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}

const shareOf = (text: string) => readConfig({ ...MINIMUM, PORTCULLIS_ACCESS_LOG: text }).accessLog;

describe('readConfig', () => {
  it('takes the documented defaults', () => {
    const config = readConfig(MINIMUM);
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      tokenServiceUrls: ['http://127.0.0.1:3001'],
      internalUrls: ['http://127.0.0.1:3002'],
      internalSecret: SECRET,
      natsUrls: ['nats://127.0.0.1:4222'],
      routesFile: 'portcullis.routes.yaml',
      servesConsole: true,
      trustedProxies: [],
      verifiedTokensMax: 150_000,
      whenStale: 'deny',
      unsafeTestIgnoreLease: false,
      upgradesMax: 10_000,
      upgradesPerTokenMax: 100,
      failedAuthLimit: { count: 6, windowSeconds: 60, burst: 50 },
      forwardAuth: undefined,
      logLevel: 'info',
      accessLog: 0,
      tracing: undefined,
    });
    expect(config.instance).toMatch(/^[A-Za-z0-9._-]+-8080$/);
  });

  it('takes lists, and treats an empty variable as unset', () => {
    const config = readConfig({
      ...MINIMUM,
      PORTCULLIS_HOST: '',
      PORTCULLIS_INTERNAL_URL: 'http://a:3002/, https://b',
      PORTCULLIS_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    });
    expect(config.host).toBe('127.0.0.1');
    expect(config.internalUrls).toEqual(['http://a:3002', 'https://b']);
    expect(config.trustedProxies).toEqual(['10.0.0.0/8', '::1']);
  });

  it('lists everything that is wrong at once, and never a value', () => {
    const faults = faultsOf({
      PORTCULLIS_INTERNAL_SECRET: 'too-short-secret',
      PORTCULLIS_PORT: '80 80',
      PORTCULLIS_INSTANCE: 'a b',
      PORTCULLIS_INTERNAL_URL: 'http://a/path',
      PORTCULLIS_TRUSTED_PROXIES: 'everyone',
      PORTCULLIS_LOG_LEVEL: 'loud',
      PORTCULLIS_FORWARD_AUTH: 'apache',
      PORTCULLIS_FAILED_AUTH_LIMIT: 'ten',
      PORTCULLIS_VERIFIED_TOKENS_MAX: '0',
      PORTCULLIS_ACCESS_LOG: '1.5',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    });
    const names = faults.map((fault) => fault.split(' ')[0]);
    expect(names.toSorted()).toEqual([
      'NATS_URL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'PORTCULLIS_ACCESS_LOG',
      'PORTCULLIS_FAILED_AUTH_LIMIT',
      'PORTCULLIS_FORWARD_AUTH',
      'PORTCULLIS_INSTANCE',
      'PORTCULLIS_INTERNAL_SECRET',
      'PORTCULLIS_INTERNAL_URL',
      'PORTCULLIS_LOG_LEVEL',
      'PORTCULLIS_PORT',
      'PORTCULLIS_TRUSTED_PROXIES',
      'PORTCULLIS_VERIFIED_TOKENS_MAX',
    ]);
    expect(faults.join()).not.toContain('too-short-secret');
  });

  it('takes a certificate with its key alone', () => {
    const files = { PORTCULLIS_TLS_CERT_FILE: '/tls.crt', PORTCULLIS_TOKEN_SERVICE_KEY_FILE: '/client.key' };
    expect(faultsOf({ ...MINIMUM, ...files })).toEqual([
      'PORTCULLIS_TOKEN_SERVICE_CERT_FILE and PORTCULLIS_TOKEN_SERVICE_KEY_FILE go together',
      'PORTCULLIS_TLS_CERT_FILE and PORTCULLIS_TLS_KEY_FILE go together',
    ]);
    const { tls } = readConfig({ ...MINIMUM, ...files, PORTCULLIS_TLS_KEY_FILE: '/tls.key', PORTCULLIS_TOKEN_SERVICE_KEY_FILE: '' }); // prettier-ignore
    expect(tls).toEqual({ certFile: '/tls.crt', keyFile: '/tls.key' });
  });

  it('refuses to ignore the lease outside of tests', () => {
    const unsafe = { ...MINIMUM, PORTCULLIS_UNSAFE_TEST_IGNORE_LEASE: '1' };
    for (const env of [unsafe, { ...unsafe, NODE_ENV: 'production' }]) {
      expect(faultsOf(env)).toEqual(['PORTCULLIS_UNSAFE_TEST_IGNORE_LEASE is for tests alone (NODE_ENV=test)']);
    }
    expect(readConfig({ ...unsafe, NODE_ENV: 'test' }).unsafeTestIgnoreLease).toBe(true);
  });

  it('takes what share of requests is logged', () => {
    expect(['off', 'all', '0', '1', '0.01', '.5', '1.0'].map(shareOf)).toEqual([0, 1, 0, 1, 0.01, 0.5, 1]);
    for (const text of ['on', '-1', '2', '1e-3', '0x1', '1.01'])
      expect(faultsOf({ ...MINIMUM, PORTCULLIS_ACCESS_LOG: text }), text).toHaveLength(1);
  });

  it('reads the secret from a file', () => {
    const env = { NATS_URL: 'nats://n', PORTCULLIS_INTERNAL_SECRET_FILE: '/run/secret' };
    expect(readConfig(env, (path) => (path === '/run/secret' ? `${SECRET}\n` : '')).internalSecret).toBe(SECRET);
  });

  it('refuses a secret that is given twice, and a file that is missing', () => {
    expect(faultsOf({ ...MINIMUM, PORTCULLIS_INTERNAL_SECRET_FILE: '/x' })[0]).toContain('given twice');
    const faults = faultsOf({ NATS_URL: 'nats://n', PORTCULLIS_INTERNAL_SECRET_FILE: '/nowhere/secret' });
    expect(faults[0]).toContain("PORTCULLIS_INTERNAL_SECRET_FILE can't be read");
  });
});
