import { hostname } from 'node:os';
import { Environment, type Variables } from '@portcullis/configuration';
import { WHEN_STALE, type WhenStale } from '@portcullis/contracts';
import { LOG_LEVELS, type LogLevel, readTracingSettings, type TracingSettings } from '@portcullis/telemetry';
import type { NatsFiles } from '@portcullis/messaging';
import type { TlsFiles } from '@portcullis/tls';
import ipaddr from 'ipaddr.js';
import { parseRate, type Rate, RATE_FORM } from './limits/rate.js';
import { FORWARD_AUTH_PROXIES, type ForwardAuthProxy } from './proxy/original-request.js';
import { UPSTREAM_CLIENTS, type UpstreamClient } from './proxy/upstream.js';

/** Settings of the gateway, as docs/configuration.md lists them. This is the only file that reads the environment. */
export interface GatewayConfig {
  host: string;
  port: number;
  /** The gateway's name in receipts and lists. */
  instance: string;
  /** Processes that share the port. */
  workers: number;
  /** Which of them this one is, from 0. */
  worker: number;
  /** Origins, e.g. `http://127.0.0.1:3001`, without a trailing slash. */
  tokenServiceUrls: string[];
  internalUrls: string[];
  internalSecret: string;
  /** What token-services are checked against, and shown; undefined: Node's own authorities, and nothing. */
  tokenServiceTls: TlsFiles | undefined;
  natsUrls: string[];
  natsFiles: NatsFiles;
  /** Certificate and key of the listener; undefined: plain HTTP. */
  tls: TlsFiles | undefined;
  routesFile: string;
  /** Whether the console is served at `/`. */
  servesConsole: boolean;
  /** Addresses or CIDR ranges. */
  trustedProxies: string[];
  verifiedTokensMax: number;
  /** What to do when the lease is over: introspect or refuse, or go on with the last view. */
  whenStale: WhenStale;
  /** Admits without a lease, so that the fault harness can show that it would notice. In tests alone. */
  unsafeTestIgnoreLease: boolean;
  upstreamClient: UpstreamClient;
  /** Upgraded connections (WebSockets) at once. */
  upgradesMax: number;
  upgradesPerTokenMax: number;
  /** Bad tokens from one address; undefined: no limit. */
  failedAuthLimit: Rate | undefined;
  /** Which proxy asks at `/verify`; undefined: none. */
  forwardAuth: ForwardAuthProxy | undefined;
  /** This process's own; undefined: none. */
  managementPort: number | undefined;
  managementHost: string;
  logLevel: LogLevel;
  /** The share of requests that get a line in the log, from 0 to 1. */
  accessLog: number;
  /** undefined: no traces. */
  tracing: TracingSettings | undefined;
}

/** What Nest provides the settings under. */
export const GATEWAY_CONFIG = Symbol('GATEWAY_CONFIG');

const INSTANCE = /^[A-Za-z0-9._-]{1,64}$/;
const INSTANCE_FORM = '1 to 64 characters of A-Z a-z 0-9 . _ -';
const ORIGINS_FORM = 'http:// or https:// origins, separated by commas';
const SECRET_CHARACTERS_MIN = 32;
const VERIFIED_TOKENS_LIMIT = 10_000_000;
const WORKERS_LIMIT = 64;
const UPGRADES_LIMIT = 1_000_000;
/** As for passwords: fifty, then one every ten seconds. */
const FAILED_AUTH_LIMIT = parseRate('6/min burst 50')!;

/**
 * Reads and checks the gateway's settings.
 *
 * @param readFile how a `_FILE` variant is read
 * @throws ConfigurationError that lists everything that is wrong
 */
export function readConfig(variables: Variables, readFile?: (path: string) => string): GatewayConfig {
  const env = new Environment(variables, readFile);
  const port = env.integer('PORTCULLIS_PORT', 8080, 1, 65_535);
  const config: GatewayConfig = {
    host: env.text('PORTCULLIS_HOST', '127.0.0.1'),
    port,
    instance: env.parsed('PORTCULLIS_INSTANCE', instance, INSTANCE_FORM, defaultInstance(port)),
    workers: env.integer('PORTCULLIS_WORKERS', 1, 1, WORKERS_LIMIT),
    worker: env.integer('PORTCULLIS_WORKER', 0, 0, WORKERS_LIMIT - 1),
    tokenServiceUrls: env.parsedList('PORTCULLIS_TOKEN_SERVICE_URL', origin, ORIGINS_FORM, ['http://127.0.0.1:3001']),
    internalUrls: env.parsedList('PORTCULLIS_INTERNAL_URL', origin, ORIGINS_FORM, ['http://127.0.0.1:3002']),
    internalSecret: env.sharedSecret('PORTCULLIS_INTERNAL_SECRET', SECRET_CHARACTERS_MIN),
    tokenServiceTls: unlessEmpty({
      ...env.file('caFile', 'PORTCULLIS_TOKEN_SERVICE_CA_FILE'),
      ...env.pair('PORTCULLIS_TOKEN_SERVICE_CERT_FILE', 'PORTCULLIS_TOKEN_SERVICE_KEY_FILE'),
    }),
    natsUrls: env.secretUrls('NATS_URL', ['nats', 'tls']),
    natsFiles: {
      ...env.file('caFile', 'NATS_CA_FILE'),
      ...env.pair('NATS_CERT_FILE', 'NATS_KEY_FILE'),
      ...env.file('credsFile', 'NATS_CREDS_FILE'),
    },
    tls: env.pair('PORTCULLIS_TLS_CERT_FILE', 'PORTCULLIS_TLS_KEY_FILE'),
    routesFile: env.text('PORTCULLIS_ROUTES_FILE', 'portcullis.routes.yaml'),
    servesConsole: env.oneOf('PORTCULLIS_CONSOLE', ['on', 'off'], 'on') === 'on',
    trustedProxies: env.parsedList('PORTCULLIS_TRUSTED_PROXIES', addressRange, 'addresses or CIDR ranges', []),
    verifiedTokensMax: env.integer('PORTCULLIS_VERIFIED_TOKENS_MAX', 150_000, 1, VERIFIED_TOKENS_LIMIT),
    whenStale: env.oneOf('PORTCULLIS_WHEN_STALE', WHEN_STALE, 'deny'),
    unsafeTestIgnoreLease: testOnlySwitch(env, 'PORTCULLIS_UNSAFE_TEST_IGNORE_LEASE'),
    upstreamClient: env.oneOf('PORTCULLIS_UPSTREAM_CLIENT', UPSTREAM_CLIENTS, 'own'),
    upgradesMax: env.integer('PORTCULLIS_UPGRADES_MAX', 10_000, 0, UPGRADES_LIMIT),
    upgradesPerTokenMax: env.integer('PORTCULLIS_UPGRADES_PER_TOKEN_MAX', 100, 1, UPGRADES_LIMIT),
    failedAuthLimit: rateOrOff(env, 'PORTCULLIS_FAILED_AUTH_LIMIT', FAILED_AUTH_LIMIT),
    forwardAuth: env.oneOf('PORTCULLIS_FORWARD_AUTH', FORWARD_AUTH_PROXIES, undefined),
    managementPort: env.integer('PORTCULLIS_MANAGEMENT_PORT', undefined, 1, 65_535),
    managementHost: env.text('PORTCULLIS_MANAGEMENT_HOST', '127.0.0.1'),
    logLevel: env.oneOf('PORTCULLIS_LOG_LEVEL', LOG_LEVELS, 'info'),
    accessLog: env.parsed('PORTCULLIS_ACCESS_LOG', share, 'off, all, or a share between 0 and 1 such as 0.01', 0),
    tracing: readTracingSettings(variables, (name, what) => env.fault(name, what, undefined)),
  };
  if (config.managementPort !== undefined) config.managementPort += config.worker;
  env.assertRight();
  return config;
}

const instance = (text: string): string | undefined => (INSTANCE.test(text) ? text : undefined);

function defaultInstance(port: number): string {
  const name = hostname().replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 58) || 'gateway'; // prettier-ignore
  return `${name}-${port}`;
}

/** A path would silently be dropped, so it is refused. */
function origin(text: string): string | undefined {
  const url = URL.parse(text);
  const isPlain = url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.hash;
  return isPlain && !url.username ? url.origin : undefined;
}

const addressRange = (text: string): string | undefined =>
  ipaddr.isValid(text) || ipaddr.isValidCIDR(text) ? text : undefined;

/** `off` (the default), `all`, or what lies between. */
function share(text: string): number | undefined {
  if (text === 'off' || text === 'all') return Number(text === 'all');
  return /^(?:0?\.\d{1,9}|[01](?:\.0+)?)$/.test(text) ? Number(text) : undefined;
}

function rateOrOff(env: Environment, name: string, fallback: Rate): Rate | undefined {
  const rate = env.parsed(name, (text) => (text === 'off' ? text : parseRate(text)), `off or ${RATE_FORM}`, fallback);
  return rate === 'off' ? undefined : rate;
}

/** `1` switches it on, and only where `NODE_ENV` is `test`. */
function testOnlySwitch(env: Environment, name: string): boolean {
  const isOn = env.oneOf(name, ['1'], undefined) === '1';
  if (isOn && env.optional('NODE_ENV') !== 'test') return env.fault(name, 'is for tests alone (NODE_ENV=test)', false);
  return isOn;
}

const unlessEmpty = <T extends object>(value: T): T | undefined => (Object.keys(value).length > 0 ? value : undefined);
