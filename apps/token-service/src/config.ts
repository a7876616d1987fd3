import { readFileSync } from 'node:fs';
import { isLoopbackHost, type Role, ROLES, type TokenAlgorithm } from '@portcullis/contracts';
import { readTracingSettings, type TracingSettings } from '@portcullis/telemetry';
import type { NatsFiles } from '@portcullis/messaging';
import type { TlsFiles } from '@portcullis/tls';

export interface TokenServiceConfig {
  host: string;
  apiPort: number;
  internalPort: number;
  internalSecret: string;
  databaseUrl: string;
  natsServers: string[];
  natsFiles: NatsFiles;
  /** Certificate and key of both APIs; undefined: plain HTTP. */
  tls: TlsFiles | undefined;
  /** Whoever comes to the internal API shows a certificate from these authorities. */
  internalClientCaFile: string | undefined;
  /** The first wraps keys, all of them unwrap. */
  masterKeys: Buffer[];
  issuer: string;
  tokenAlgorithm: TokenAlgorithm;
  /** Days; undefined: no limit, and Never is allowed. */
  maxTokenDays: number | undefined;
  serviceEmail: string;
  tokenUsedIntervalSeconds: number;
  leaseMs: number;
  eventsReplicas: number;
  /** By the name of a group in lower case: the role that its members have. */
  scimRoleGroups: ReadonlyMap<string, Role>;
  /** Whether SCIM may change people who weren't made over SCIM. */
  scimAdopts: boolean;
  /** Folder for `admin-password` and `admin-token` of the first start. */
  bootstrapDir: string | undefined;
  /** Where people reach Portcullis; says whether the session cookie is for https. undefined: it is. */
  publicUrl: URL | undefined;
  sessionIdleMinutes: number;
  sessionHours: number;
  /** `allow`: programs without PKCE get their token in the redirect. */
  cliTokenRedirect: 'refuse' | 'allow';
  /** Days that tokens are kept after their time has passed; undefined: for ever. */
  expiredTokenDays: number | undefined;
  /** Days that audit records are kept. */
  auditDays: number;
  /** Another database role, the only one that may delete audit records; undefined: the application's. */
  auditPurgeUrl: string | undefined;
  /** undefined: no management port. */
  managementPort: number | undefined;
  managementHost: string;
  /** How long requests under way may take to finish after a signal to stop. */
  shutdownSeconds: number;
  logLevel: string;
  /** undefined: no traces. */
  tracing: TracingSettings | undefined;
}

/** For injection. */
export const CONFIG = Symbol('token-service config');

export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `token-service can't start with this configuration:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

const MASTER_KEYS_MAX = 4;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/**
 * Reads the whole configuration; the only place that knows the environment.
 * @throws ConfigError with everything that is wrong
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): TokenServiceConfig {
  const read = new Environment(env);
  const config: TokenServiceConfig = {
    host: read.text('PORTCULLIS_HOST', '127.0.0.1'),
    apiPort: read.integer('PORTCULLIS_API_PORT', 3001, 1, 65_535),
    internalPort: read.integer('PORTCULLIS_INTERNAL_PORT', 3002, 1, 65_535),
    internalSecret: read.secret('PORTCULLIS_INTERNAL_SECRET'),
    databaseUrl: read.url('DATABASE_URL', ['postgres:', 'postgresql:']),
    natsServers: read.secret('NATS_URL').split(',').filter(Boolean),
    natsFiles: {
      ...read.file('caFile', 'NATS_CA_FILE'),
      ...read.pair('NATS_CERT_FILE', 'NATS_KEY_FILE'),
      ...read.file('credsFile', 'NATS_CREDS_FILE'),
    },
    tls: read.pair('PORTCULLIS_TLS_CERT_FILE', 'PORTCULLIS_TLS_KEY_FILE'),
    internalClientCaFile: read.optional('PORTCULLIS_INTERNAL_CLIENT_CA_FILE'),
    masterKeys: read.masterKeys('PORTCULLIS_MASTER_KEY'),
    issuer: read.text('PORTCULLIS_ISSUER', 'portcullis'),
    tokenAlgorithm: read.oneOf('PORTCULLIS_TOKEN_ALG', 'EdDSA', ['EdDSA', 'HS256']) as TokenAlgorithm,
    maxTokenDays: read.optionalInteger('PORTCULLIS_MAX_TOKEN_DAYS', 1, 3650),
    serviceEmail: read.text('PORTCULLIS_SERVICE_EMAIL', 'service@example.com'),
    tokenUsedIntervalSeconds: read.integer('PORTCULLIS_TOKEN_USED_INTERVAL', 3600, 60, 31_536_000),
    leaseMs: read.integer('PORTCULLIS_LEASE_MS', 10_000, 1_000, 600_000),
    eventsReplicas: read.integer('PORTCULLIS_EVENTS_REPLICAS', 1, 1, 5),
    scimRoleGroups: read.roleGroups('PORTCULLIS_SCIM_ROLE_GROUPS'),
    scimAdopts: read.oneOf('PORTCULLIS_SCIM_ADOPT', 'false', ['true', 'false']) === 'true',
    bootstrapDir: read.optional('PORTCULLIS_BOOTSTRAP_DIR'),
    publicUrl: read.publicUrl('PORTCULLIS_PUBLIC_URL'),
    sessionIdleMinutes: read.integer('PORTCULLIS_SESSION_IDLE_MINUTES', 30, 1, 1_440),
    sessionHours: read.integer('PORTCULLIS_SESSION_HOURS', 12, 1, 720),
    cliTokenRedirect: read.oneOf('PORTCULLIS_CLI_TOKEN_REDIRECT', 'refuse', ['refuse', 'allow']) as 'refuse' | 'allow',
    expiredTokenDays: read.daysOrNever('PORTCULLIS_EXPIRED_TOKEN_DAYS', 90, 1, 36_500),
    auditDays: read.integer('PORTCULLIS_AUDIT_DAYS', 365, 30, 36_500),
    auditPurgeUrl: read.optionalUrl('PORTCULLIS_AUDIT_PURGE_URL', ['postgres:', 'postgresql:']),
    managementPort: read.optionalInteger('PORTCULLIS_MANAGEMENT_PORT', 1, 65_535),
    managementHost: read.text('PORTCULLIS_MANAGEMENT_HOST', '127.0.0.1'),
    shutdownSeconds: read.integer('PORTCULLIS_SHUTDOWN_SECONDS', 12, 1, 600),
    logLevel: read.oneOf('PORTCULLIS_LOG_LEVEL', 'info', LOG_LEVELS),
    tracing: readTracingSettings(env, (name, what) => read.problems.push(`${name} ${what}`)),
  };
  checkAcrossFields(config, read);
  if (read.problems.length > 0) throw new ConfigError(read.problems);
  return config;
}

function checkAcrossFields(config: TokenServiceConfig, { problems }: Environment): void {
  if (config.internalClientCaFile !== undefined && config.tls === undefined)
    problems.push('PORTCULLIS_INTERNAL_CLIENT_CA_FILE needs PORTCULLIS_TLS_CERT_FILE and PORTCULLIS_TLS_KEY_FILE');
  if (config.internalSecret.length < 32) problems.push('PORTCULLIS_INTERNAL_SECRET must have 32 characters at least');
  const ports = [config.apiPort, config.internalPort, config.managementPort].filter((port) => port !== undefined);
  if (new Set(ports).size < ports.length)
    problems.push('PORTCULLIS_API_PORT, PORTCULLIS_INTERNAL_PORT and PORTCULLIS_MANAGEMENT_PORT must differ');
}

/** Reads variables and gathers what is wrong with them; a value that is refused is read as empty or as the default. */
class Environment {
  readonly problems: string[] = [];

  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  optional(name: string): string | undefined {
    return this.env[name]?.trim() || undefined;
  }

  text(name: string, fallback?: string): string {
    const value = this.optional(name) ?? fallback;
    if (value === undefined) this.problems.push(`${name} is required`);
    return value ?? '';
  }

  /** A path, under the name that it has in the settings. */
  file<K extends string>(key: K, name: string): { [key in K]?: string } {
    const path = this.optional(name);
    return (path === undefined ? {} : { [key]: path }) as { [key in K]?: string };
  }

  /** The paths of a certificate and its key, both or neither. */
  pair(certName: string, keyName: string): { certFile: string; keyFile: string } | undefined {
    const [certFile, keyFile] = [this.optional(certName), this.optional(keyName)];
    if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
    if (certFile !== keyFile) this.problems.push(`${certName} and ${keyName} go together`);
    return undefined;
  }

  /** From `NAME`, or from the file that `NAME_FILE` names. */
  secret(name: string): string {
    const file = this.optional(`${name}_FILE`);
    if (file === undefined) return this.text(name);
    if (this.optional(name)) this.problems.push(`${name} and ${name}_FILE are both set; keep one`);
    try {
      return readFileSync(file, 'utf8').trim();
    } catch (error) {
      this.problems.push(`${name}_FILE can't be read: ${(error as Error).message}`);
      return '';
    }
  }

  /** Each 32 bytes, base64; several are separated by commas or lines. */
  masterKeys(name: string): Buffer[] {
    const texts = this.secret(name)
      .split(/[\s,]+/)
      .filter(Boolean);
    const keys = texts.map((text) => Buffer.from(text, 'base64'));
    const areKeys = texts.every((text) => /^[A-Za-z0-9+/]{43}=$/.test(text)) && texts.length <= MASTER_KEYS_MAX;
    if (!areKeys)
      this.problems.push(
        `${name} must be 32 bytes, base64 (openssl rand -base64 32), or ${MASTER_KEYS_MAX} such keys at most, separated by commas`,
      );
    if (new Set(texts).size < texts.length) this.problems.push(`${name} holds the same key twice`);
    return keys;
  }

  url(name: string, protocols: readonly string[]): string {
    const value = this.secret(name); // it holds a password
    if (value && !protocols.includes(URL.parse(value)?.protocol ?? '')) {
      this.problems.push(`${name} must be a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`);
    }
    return value;
  }

  optionalUrl(name: string, protocols: readonly string[]): string | undefined {
    const isGiven = this.optional(name) !== undefined || this.optional(`${name}_FILE`) !== undefined;
    return isGiven ? this.url(name, protocols) : undefined;
  }

  /** Over plain http, a session cookie could be read on the way: only a loopback address may have it. */
  publicUrl(name: string): URL | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const url = URL.parse(text);
    if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname))) return url;
    this.problems.push(`${name} must be an https:// URL, or http:// on a loopback address`);
    return undefined;
  }

  oneOf(name: string, fallback: string, allowed: readonly string[]): string {
    const value = this.text(name, fallback);
    if (!allowed.includes(value)) this.problems.push(`${name} must be one of ${allowed.join(', ')}`);
    return value;
  }

  /** `Group name=Role` pairs, separated by commas. */
  roleGroups(name: string): ReadonlyMap<string, Role> {
    const groups = new Map<string, Role>();
    for (const pair of (this.optional(name) ?? '').split(',').filter((text) => text.trim() !== '')) {
      const [, group, role] = /^\s*(.*?\S)\s*=\s*(\w+)\s*$/.exec(pair) ?? [];
      const known = ROLES.find((each) => each === role);
      if (group && known && !groups.has(group.toLowerCase())) groups.set(group.toLowerCase(), known);
      else this.problems.push(`${name} must be a list of Group name=Role with each group once; ${pair.trim()} is not`);
    }
    return groups;
  }

  /** undefined: `never`. */
  daysOrNever(name: string, fallback: number, min: number, max: number): number | undefined {
    return this.optional(name) === 'never' ? undefined : this.integer(name, fallback, min, max, ', or never');
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    return this.optional(name) === undefined ? undefined : this.integer(name, min, min, max);
  }

  integer(name: string, fallback: number, min: number, max: number, alternative = ''): number {
    const text = this.text(name, String(fallback));
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    this.problems.push(`${name} must be a whole number from ${min} to ${max}${alternative}`);
    return fallback;
  }
}
