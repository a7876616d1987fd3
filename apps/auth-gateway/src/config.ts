import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { WHEN_STALE, type WhenStale } from '@portcullis/contracts';
import { readTracingSettings, type TracingSettings } from '@portcullis/telemetry';
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

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Everything that is wrong with the environment, at once. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(['The configuration is wrong:', ...faults.map((fault) => `  - ${fault}`)].join('\n'));
    this.name = 'ConfigError';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;
type ReadFile = (path: string) => string;

const INSTANCE = /^[A-Za-z0-9._-]{1,64}$/;
const SECRET_CHARACTERS_MIN = 32;
const VERIFIED_TOKENS_LIMIT = 10_000_000;
const WORKERS_LIMIT = 64;
const UPGRADES_LIMIT = 1_000_000;
/** As for passwords: fifty, then one every ten seconds. */
const FAILED_AUTH_LIMIT = '6/min burst 50';

/**
 * Reads and checks the gateway's settings.
 *
 * @param readFile how a `_FILE` variant is read
 * @throws ConfigError that lists everything that is wrong
 */
export function readConfig(env: Environment, readFile: ReadFile = (path) => readFileSync(path, 'utf8')): GatewayConfig {
  const reader = new EnvironmentReader(env, readFile);
  const port = reader.integer('PORTCULLIS_PORT', 8080, 1, 65_535);
  const config: GatewayConfig = {
    host: reader.text('PORTCULLIS_HOST', '127.0.0.1'),
    port,
    instance: reader.instance('PORTCULLIS_INSTANCE', defaultInstance(port)),
    workers: reader.integer('PORTCULLIS_WORKERS', 1, 1, WORKERS_LIMIT),
    worker: reader.integer('PORTCULLIS_WORKER', 0, 0, WORKERS_LIMIT - 1),
    tokenServiceUrls: reader.origins('PORTCULLIS_TOKEN_SERVICE_URL', 'http://127.0.0.1:3001'),
    internalUrls: reader.origins('PORTCULLIS_INTERNAL_URL', 'http://127.0.0.1:3002'),
    internalSecret: reader.secret('PORTCULLIS_INTERNAL_SECRET'),
    tokenServiceTls: reader.tokenServiceTls(),
    natsUrls: reader.natsUrls('NATS_URL'),
    natsFiles: {
      ...reader.file('caFile', 'NATS_CA_FILE'),
      ...reader.pair('NATS_CERT_FILE', 'NATS_KEY_FILE'),
      ...reader.file('credsFile', 'NATS_CREDS_FILE'),
    },
    tls: reader.pair('PORTCULLIS_TLS_CERT_FILE', 'PORTCULLIS_TLS_KEY_FILE'),
    routesFile: reader.text('PORTCULLIS_ROUTES_FILE', 'portcullis.routes.yaml'),
    servesConsole: reader.oneOf('PORTCULLIS_CONSOLE', ['on', 'off'], 'on') === 'on',
    trustedProxies: reader.addressRanges('PORTCULLIS_TRUSTED_PROXIES'),
    verifiedTokensMax: reader.integer('PORTCULLIS_VERIFIED_TOKENS_MAX', 100_000, 1, VERIFIED_TOKENS_LIMIT),
    whenStale: reader.oneOf('PORTCULLIS_WHEN_STALE', WHEN_STALE, 'deny'),
    unsafeTestIgnoreLease: reader.testOnlySwitch('PORTCULLIS_UNSAFE_TEST_IGNORE_LEASE'),
    upstreamClient: reader.oneOf('PORTCULLIS_UPSTREAM_CLIENT', UPSTREAM_CLIENTS, 'own'),
    upgradesMax: reader.integer('PORTCULLIS_UPGRADES_MAX', 10_000, 0, UPGRADES_LIMIT),
    upgradesPerTokenMax: reader.integer('PORTCULLIS_UPGRADES_PER_TOKEN_MAX', 100, 1, UPGRADES_LIMIT),
    failedAuthLimit: reader.rateOrOff('PORTCULLIS_FAILED_AUTH_LIMIT', FAILED_AUTH_LIMIT),
    forwardAuth: reader.optionalOneOf('PORTCULLIS_FORWARD_AUTH', FORWARD_AUTH_PROXIES),
    managementPort: reader.optionalInteger('PORTCULLIS_MANAGEMENT_PORT', 1, 65_535),
    managementHost: reader.text('PORTCULLIS_MANAGEMENT_HOST', '127.0.0.1'),
    logLevel: reader.oneOf('PORTCULLIS_LOG_LEVEL', LOG_LEVELS, 'info'),
    accessLog: reader.share('PORTCULLIS_ACCESS_LOG'),
    tracing: readTracingSettings(env, (name, what) => reader.faults.push(`${name} ${what}`)),
  };
  if (config.managementPort !== undefined) config.managementPort += config.worker;
  if (reader.faults.length > 0) throw new ConfigError(reader.faults);
  return config;
}

/** Reads one setting at a time and remembers what was wrong; a wrong setting reads as its default. */
class EnvironmentReader {
  readonly faults: string[] = [];

  constructor(
    private readonly env: Environment,
    private readonly readFile: ReadFile,
  ) {}

  text(name: string, fallback: string): string {
    return this.value(name) ?? fallback;
  }

  /** A path, under the name that it has in the settings. */
  file<K extends string>(key: K, name: string): { [key in K]?: string } {
    const path = this.value(name);
    return (path === undefined ? {} : { [key]: path }) as { [key in K]?: string };
  }

  /** The paths of a certificate and its key, both or neither. */
  pair(certName: string, keyName: string): { certFile: string; keyFile: string } | undefined {
    const [certFile, keyFile] = [this.value(certName), this.value(keyName)];
    if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
    return certFile === keyFile ? undefined : this.fault(certName, `and ${keyName} go together`, undefined);
  }

  tokenServiceTls(): TlsFiles | undefined {
    const files = {
      ...this.file('caFile', 'PORTCULLIS_TOKEN_SERVICE_CA_FILE'),
      ...this.pair('PORTCULLIS_TOKEN_SERVICE_CERT_FILE', 'PORTCULLIS_TOKEN_SERVICE_KEY_FILE'),
    };
    return Object.keys(files).length > 0 ? files : undefined;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.value(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    return this.fault(name, `must be an integer from ${min} to ${max}`, fallback);
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    return this.value(name) === undefined ? undefined : this.integer(name, min, min, max);
  }

  rateOrOff(name: string, fallback: string): Rate | undefined {
    const text = this.value(name) ?? fallback;
    return text === 'off' ? undefined : (parseRate(text) ?? this.fault(name, `must be off or ${RATE_FORM}`, undefined));
  }

  oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const text = this.value(name) ?? fallback;
    const choice = choices.find((candidate) => candidate === text);
    return choice ?? this.fault(name, `must be one of ${choices.join(', ')}`, fallback);
  }

  optionalOneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.value(name);
    if (text === undefined) return undefined;
    const choice = choices.find((candidate) => candidate === text);
    return choice ?? this.fault(name, `must be one of ${choices.join(', ')}, or unset`, undefined);
  }

  /** `off` (the default), `all`, or what lies between. */
  share(name: string): number {
    const text = this.text(name, 'off');
    if (text === 'off' || text === 'all') return Number(text === 'all');
    const value = /^(?:0?\.\d{1,9}|[01](?:\.0+)?)$/.test(text) ? Number(text) : NaN;
    return value >= 0 ? value : this.fault(name, 'must be off, all, or a share between 0 and 1 such as 0.01', 0);
  }

  /** `1` switches it on, and only where `NODE_ENV` is `test`. */
  testOnlySwitch(name: string): boolean {
    const text = this.value(name);
    if (text === undefined) return false;
    if (this.value('NODE_ENV') !== 'test') return this.fault(name, 'is for tests alone (NODE_ENV=test)', false);
    return text === '1' ? true : this.fault(name, 'must be 1 or unset', false);
  }

  instance(name: string, fallback: string): string {
    const text = this.text(name, fallback);
    return INSTANCE.test(text) ? text : this.fault(name, 'must be 1 to 64 characters of A-Z a-z 0-9 . _ -', fallback);
  }

  secret(name: string): string {
    const secret = this.valueOrFile(name);
    if (secret === undefined) return this.fault(name, `is required (or ${name}_FILE)`, '');
    if (secret.length >= SECRET_CHARACTERS_MIN && /^[\x21-\x7E]+$/.test(secret)) return secret;
    return this.fault(name, `must be at least ${SECRET_CHARACTERS_MIN} printable ASCII characters without spaces`, '');
  }

  /** http or https origins: a path would silently be dropped, so it is refused. */
  origins(name: string, fallback: string): string[] {
    return this.list(this.text(name, fallback)).map((text) => {
      const url = URL.parse(text);
      const plain = url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.hash;
      return plain && !url.username ? url.origin : this.fault(name, 'must hold http:// or https:// origins', fallback);
    });
  }

  natsUrls(name: string): string[] {
    const urls = this.list(this.valueOrFile(name) ?? '');
    if (urls.length === 0) return this.fault(name, `is required (or ${name}_FILE)`, []);
    if (urls.every((url) => /^(nats|tls):$/.test(URL.parse(url)?.protocol ?? ''))) return urls;
    return this.fault(name, 'must hold nats:// or tls:// URLs', []);
  }

  addressRanges(name: string): string[] {
    const ranges = this.list(this.value(name) ?? '');
    if (ranges.every((range) => ipaddr.isValid(range) || ipaddr.isValidCIDR(range))) return ranges;
    return this.fault(name, 'must hold addresses or CIDR ranges', []);
  }

  private list(text: string): string[] {
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }

  /** Compose files pass unset variables on as empty ones. */
  private value(name: string): string | undefined {
    return this.env[name]?.trim() || undefined;
  }

  private valueOrFile(name: string): string | undefined {
    const value = this.value(name);
    const path = this.value(`${name}_FILE`);
    if (path === undefined) return value;
    if (value !== undefined) return this.fault(name, `is given twice: by ${name} and by ${name}_FILE`, value);
    try {
      return this.readFile(path).trim() || undefined;
    } catch (error) {
      return this.fault(`${name}_FILE`, `can't be read: ${(error as Error).message}`, undefined);
    }
  }

  /** Notes what is wrong, never the value: it may be a secret. */
  private fault<T>(name: string, fault: string, fallback: T): T {
    const line = `${name} ${fault}`;
    if (!this.faults.includes(line)) this.faults.push(line);
    return fallback;
  }
}

function defaultInstance(port: number): string {
  return `${
    hostname()
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 58) || 'gateway'
  }-${port}`;
}
