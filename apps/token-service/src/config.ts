import { Environment, type Variables } from '@portcullis/configuration';
import { isLoopbackHost, type Role, ROLES, type TokenAlgorithm } from '@portcullis/contracts';
import { LOG_LEVELS, type LogLevel, readTracingSettings, type TracingSettings } from '@portcullis/telemetry';
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
  logLevel: LogLevel;
  /** undefined: no traces. */
  tracing: TracingSettings | undefined;
}

/** For injection. */
export const CONFIG = Symbol('token-service config');

const POSTGRES_SCHEMES = ['postgres', 'postgresql'];
const MASTER_KEYS_MAX = 4;
const MASTER_KEYS_FORM = `32 bytes, base64 (openssl rand -base64 32), or ${MASTER_KEYS_MAX} such keys at most, separated by commas`;
const SECRET_CHARACTERS_MIN = 32;
const PUBLIC_URL_FORM = 'an https:// URL, or http:// on a loopback address';

/**
 * Reads the whole configuration; the only place that knows the environment.
 * @throws ConfigurationError with everything that is wrong
 */
export function readConfig(variables: Variables): TokenServiceConfig {
  const env = new Environment(variables);
  const config: TokenServiceConfig = {
    host: env.text('PORTCULLIS_HOST', '127.0.0.1'),
    apiPort: env.integer('PORTCULLIS_API_PORT', 3001, 1, 65_535),
    internalPort: env.integer('PORTCULLIS_INTERNAL_PORT', 3002, 1, 65_535),
    internalSecret: env.sharedSecret('PORTCULLIS_INTERNAL_SECRET', SECRET_CHARACTERS_MIN),
    databaseUrl: env.secretUrl('DATABASE_URL', POSTGRES_SCHEMES),
    natsServers: env.secretUrls('NATS_URL', ['nats', 'tls']),
    natsFiles: {
      ...env.file('caFile', 'NATS_CA_FILE'),
      ...env.pair('NATS_CERT_FILE', 'NATS_KEY_FILE'),
      ...env.file('credsFile', 'NATS_CREDS_FILE'),
    },
    tls: env.pair('PORTCULLIS_TLS_CERT_FILE', 'PORTCULLIS_TLS_KEY_FILE'),
    internalClientCaFile: env.optional('PORTCULLIS_INTERNAL_CLIENT_CA_FILE'),
    masterKeys: masterKeys(env, 'PORTCULLIS_MASTER_KEY'),
    issuer: env.text('PORTCULLIS_ISSUER', 'portcullis'),
    tokenAlgorithm: env.oneOf<TokenAlgorithm, TokenAlgorithm>('PORTCULLIS_TOKEN_ALG', ['EdDSA', 'HS256'], 'EdDSA'),
    maxTokenDays: env.integer('PORTCULLIS_MAX_TOKEN_DAYS', undefined, 1, 3650),
    serviceEmail: env.text('PORTCULLIS_SERVICE_EMAIL', 'service@example.com'),
    tokenUsedIntervalSeconds: env.integer('PORTCULLIS_TOKEN_USED_INTERVAL', 3600, 60, 31_536_000),
    leaseMs: env.integer('PORTCULLIS_LEASE_MS', 10_000, 1_000, 600_000),
    eventsReplicas: env.integer('PORTCULLIS_EVENTS_REPLICAS', 1, 1, 5),
    scimRoleGroups: roleGroups(env, 'PORTCULLIS_SCIM_ROLE_GROUPS'),
    scimAdopts: env.oneOf('PORTCULLIS_SCIM_ADOPT', ['true', 'false'], 'false') === 'true',
    bootstrapDir: env.optional('PORTCULLIS_BOOTSTRAP_DIR'),
    publicUrl: env.parsed('PORTCULLIS_PUBLIC_URL', publicUrl, PUBLIC_URL_FORM, undefined),
    sessionIdleMinutes: env.integer('PORTCULLIS_SESSION_IDLE_MINUTES', 30, 1, 1_440),
    sessionHours: env.integer('PORTCULLIS_SESSION_HOURS', 12, 1, 720),
    cliTokenRedirect: env.oneOf('PORTCULLIS_CLI_TOKEN_REDIRECT', ['refuse', 'allow'], 'refuse'),
    expiredTokenDays: env.integerOr('never', 'PORTCULLIS_EXPIRED_TOKEN_DAYS', 90, 1, 36_500),
    auditDays: env.integer('PORTCULLIS_AUDIT_DAYS', 365, 30, 36_500),
    auditPurgeUrl: env.optionalSecretUrl('PORTCULLIS_AUDIT_PURGE_URL', POSTGRES_SCHEMES),
    managementPort: env.integer('PORTCULLIS_MANAGEMENT_PORT', undefined, 1, 65_535),
    managementHost: env.text('PORTCULLIS_MANAGEMENT_HOST', '127.0.0.1'),
    shutdownSeconds: env.integer('PORTCULLIS_SHUTDOWN_SECONDS', 12, 1, 600),
    logLevel: env.oneOf('PORTCULLIS_LOG_LEVEL', LOG_LEVELS, 'info'),
    tracing: readTracingSettings(variables, (name, what) => env.fault(name, what, undefined)),
  };
  checkAcrossFields(config, env);
  env.assertRight();
  return config;
}

function checkAcrossFields(config: TokenServiceConfig, env: Environment): void {
  if (config.internalClientCaFile !== undefined && config.tls === undefined)
    env.fault(
      'PORTCULLIS_INTERNAL_CLIENT_CA_FILE',
      'needs PORTCULLIS_TLS_CERT_FILE and PORTCULLIS_TLS_KEY_FILE',
      undefined,
    );
  const ports = [config.apiPort, config.internalPort, config.managementPort].filter((port) => port !== undefined);
  if (new Set(ports).size < ports.length)
    env.fault('PORTCULLIS_API_PORT, PORTCULLIS_INTERNAL_PORT and PORTCULLIS_MANAGEMENT_PORT', 'must differ', undefined);
}

/** Each 32 bytes, base64; several are separated by commas or lines. */
function masterKeys(env: Environment, name: string): Buffer[] {
  const texts = env.secret(name).split(/[\s,]+/).filter(Boolean); // prettier-ignore
  const areKeys = texts.every((text) => /^[A-Za-z0-9+/]{43}=$/.test(text)) && texts.length <= MASTER_KEYS_MAX;
  if (!areKeys) env.fault(name, `must be ${MASTER_KEYS_FORM}`, undefined);
  if (new Set(texts).size < texts.length) env.fault(name, 'holds the same key twice', undefined);
  return texts.map((text) => Buffer.from(text, 'base64'));
}

/** Over plain http, a session cookie could be read on the way: only a loopback address may have it. */
function publicUrl(text: string): URL | undefined {
  const url = URL.parse(text) ?? undefined;
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname)) ? url : undefined;
}

/** `Group name=Role` pairs, separated by commas. */
function roleGroups(env: Environment, name: string): ReadonlyMap<string, Role> {
  const groups = new Map<string, Role>();
  for (const pair of env.list(name)) {
    const [, group, role] = /^(.*?\S)\s*=\s*(\w+)$/.exec(pair) ?? [];
    const known = ROLES.find((each) => each === role);
    if (group && known && !groups.has(group.toLowerCase())) groups.set(group.toLowerCase(), known);
    else env.fault(name, `must be a list of Group name=Role with each group once; ${pair} is not`, undefined);
  }
  return groups;
}
