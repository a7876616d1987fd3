import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../stack/atomic-file.ts';
import { buildIfChanged } from '../stack/build.ts';
import { hasPostgresCluster, startPostgres } from '../stack/embedded-postgres.ts';
import { portProblem, reservePort } from '../stack/free-port.ts';
import { startNats } from '../stack/nats-server.ts';
import { type ManagedProcess, startNodeApp, waitUntilReady } from '../stack/processes.ts';
import { ensureInternalSecret, ensureMasterKey } from '../stack/secrets.ts';
import type { StartOptions } from './options.mjs';
import type { Parts } from './parts.ts';
import { choosePorts, type Ports } from './ports.ts';
import type { Progress } from './progress.ts';
import { ensureRoutesFile } from './routes-file.ts';
import { hostOf, type Service, type Services } from './services.ts';

export interface StackContext {
  repository: string;
  options: StartOptions;
  /** What the apps are handed besides their own settings. */
  env: NodeJS.ProcessEnv;
  progress: Progress;
  parts: Parts;
}

interface Prepared {
  ports: Ports;
  routesFile: string;
  gatewayHost: string;
  /** Settings that both apps share. */
  shared: NodeJS.ProcessEnv;
}

const LOOPBACK = '127.0.0.1';
const TOKEN_SERVICE_READY_MS = 120_000;

/**
 * Starts everything, in order, each part ready before the next that needs it; writes `<dataDir>/services.json` last.
 *
 * @returns where everything is.
 * @throws with a message for the user when a part can't be started; what runs by then is in `parts`.
 */
export async function startStack(context: StackContext): Promise<{ services: Services; routesFile: string }> {
  const prepared = await prepare(context);
  await context.progress.step(
    'build',
    () => buildIfChanged(context.repository),
    (built) => (built ? 'done' : 'up to date'),
  );
  const postgres = await postgresFor(context, prepared);
  const nats = await natsFor(context, prepared);
  prepared.shared = { ...prepared.shared, DATABASE_URL: postgres.url, NATS_URL: nats.url };
  const upstream = await startUpstream(context, prepared);
  const tokenService = await startTokenService(context, prepared);
  const gateways = await startGateways(context, prepared);
  const services: Services = {
    gateways,
    token_service: tokenService,
    nats,
    postgres,
    example_upstream: upstream,
    console_url: `${gateways[0]?.url}/`,
  };
  const path = join(context.options.dataDir, 'services.json');
  // It holds Postgres's password.
  await writeFileAtomic(path, `${JSON.stringify(services, undefined, 2)}\n`, 0o600);
  return { services, routesFile: prepared.routesFile };
}

async function prepare({ repository, options, env }: StackContext): Promise<Prepared> {
  const { dataDir, port, gateways } = options;
  const gatewayHost = env['PORTCULLIS_HOST'] || LOOPBACK;
  for (let each = port; each < port + gateways; each += 1) await checkGatewayPort(each, gatewayHost);
  const { now, before } = await choosePorts(dataDir);
  return {
    ports: now,
    gatewayHost,
    routesFile: options.routesFile ?? (await ensureRoutesFile(repository, dataDir, now.upstream, before.upstream)),
    shared: { ...env, ...(await ensureSecrets(options, env)) },
  };
}

async function checkGatewayPort(port: number, host: string): Promise<void> {
  const problem = await portProblem(port, host);
  if (problem === undefined) return reservePort(port);
  const what = problem === 'EADDRINUSE' ? 'is in use by another program' : `can't be listened on (${problem})`;
  throw new Error(`port ${port} on ${host} ${what}: choose another with --port or PORTCULLIS_PORT`);
}

/** Secrets come before the database, so a database without its master key is one that lost it. */
async function ensureSecrets(
  { dataDir, databaseUrl }: StartOptions,
  env: NodeJS.ProcessEnv,
): Promise<NodeJS.ProcessEnv> {
  const settings: NodeJS.ProcessEnv = {};
  if (!env['PORTCULLIS_MASTER_KEY'] && !env['PORTCULLIS_MASTER_KEY_FILE']) {
    const path = join(dataDir, 'master-key');
    if (!databaseUrl && !existsSync(path) && hasPostgresCluster(dataDir)) {
      throw new Error(`${path} is missing, and the database in ${dataDir} can't be read without it: put it back`);
    }
    settings['PORTCULLIS_MASTER_KEY_FILE'] = (await ensureMasterKey(dataDir)).path;
  }
  if (!env['PORTCULLIS_INTERNAL_SECRET'] && !env['PORTCULLIS_INTERNAL_SECRET_FILE']) {
    settings['PORTCULLIS_INTERNAL_SECRET_FILE'] = (await ensureInternalSecret(dataDir)).path;
  }
  return settings;
}

async function postgresFor({ options, progress, parts }: StackContext, { ports }: Prepared): Promise<Service> {
  const { dataDir, databaseUrl } = options;
  if (databaseUrl) {
    progress.say(`postgres        yours, ${hostOf(databaseUrl)}`);
    return { url: databaseUrl, pid: null };
  }
  const notice = (line: string) => progress.notice(line);
  const postgres = await progress.step(
    'postgres',
    () => startPostgres({ dataDir, port: ports.postgres, notice }),
    ({ port }) => `ready on ${LOOPBACK}:${port}`,
  );
  parts.add(postgres.process);
  return { url: postgres.url, pid: postgres.pid };
}

async function natsFor({ options, progress, parts }: StackContext, { ports }: Prepared): Promise<Service> {
  const { dataDir, natsUrl } = options;
  if (natsUrl) {
    progress.say(`nats            yours, ${hostOf(natsUrl)}`);
    return { url: natsUrl, pid: null };
  }
  const notice = (line: string) => progress.notice(line);
  const nats = await progress.step(
    'nats',
    () => startNats({ dataDir, port: ports.nats, notice }),
    ({ port }) => `ready on ${LOOPBACK}:${port}`,
  );
  parts.add(nats.process);
  return { url: nats.url, pid: nats.pid };
}

async function startUpstream(context: StackContext, { ports }: Prepared): Promise<Service> {
  const url = `http://${LOOPBACK}:${ports.upstream}`;
  const env = { ...context.env, HOST: LOOPBACK, PORT: String(ports.upstream) };
  return context.progress.step(
    'example API',
    async () => {
      const app = await startApp(context, 'example-upstream', 'examples/datastores-api', env);
      context.parts.add(app);
      await waitUntilReady(app, `${url}/healthz`);
      return { url, pid: app.pid };
    },
    () => `ready on ${url}`,
  );
}

async function startTokenService(context: StackContext, { ports, shared, gatewayHost }: Prepared): Promise<Service> {
  const url = `http://${LOOPBACK}:${ports.tokenService}`;
  const env = {
    ...shared,
    PORTCULLIS_HOST: LOOPBACK,
    PORTCULLIS_API_PORT: String(ports.tokenService),
    PORTCULLIS_INTERNAL_PORT: String(ports.tokenServiceInternal),
    PORTCULLIS_BOOTSTRAP_DIR: context.options.dataDir,
    ...(!shared['PORTCULLIS_PUBLIC_URL'] && publicUrl(gatewayHost, context.options.port)),
  };
  return context.progress.step(
    'token-service',
    async () => {
      await writeAdminSettings(context, env);
      const app = await startApp(context, 'token-service', 'apps/token-service', env);
      context.parts.add(app);
      await waitUntilReady(app, `${url}/readyz`, TOKEN_SERVICE_READY_MS);
      return { url, pid: app.pid };
    },
    () => `ready on ${url}`,
  );
}

/** For `npm run admin`, which works with the settings that the token-service has; they may hold secrets. */
async function writeAdminSettings({ options }: StackContext, env: NodeJS.ProcessEnv): Promise<void> {
  const settings = Object.entries(env).filter(([name]) => /^(PORTCULLIS_|DATABASE_URL|NATS_URL)/.test(name));
  const text = `${JSON.stringify(Object.fromEntries(settings), undefined, 2)}\n`;
  await writeFileAtomic(join(options.dataDir, 'token-service.json'), text, 0o600);
}

async function startGateways(context: StackContext, prepared: Prepared): Promise<Services['gateways']> {
  const { port, gateways } = context.options;
  const instances = Array.from({ length: gateways }, (_, index) => ({
    name: `gw-${index + 1}`,
    port: port + index,
    index,
  }));
  return context.progress.step(
    gateways === 1 ? 'gateway' : 'gateways',
    async () => {
      const apps = await Promise.all(
        instances.map((each) => startApp(context, each.name, 'apps/auth-gateway', gatewayEnv(prepared, each))),
      );
      context.parts.add(...apps);
      const urls = instances.map((each) => `http://${reachableHost(prepared.gatewayHost)}:${each.port}`);
      await Promise.all(apps.map((app, index) => waitUntilReady(app, `${urls[index]}/readyz`)));
      return apps.map((app, index) => ({ url: urls[index] ?? '', pid: app.pid, instance: app.name }));
    },
    (ready) => `ready on ${ready.map(({ url }) => url).join(', ')}`,
  );
}

function gatewayEnv(
  { ports, shared, routesFile, gatewayHost }: Prepared,
  { name, port, index }: { name: string; port: number; index: number },
): NodeJS.ProcessEnv {
  return {
    ...shared,
    PORTCULLIS_HOST: gatewayHost,
    PORTCULLIS_PORT: String(port),
    PORTCULLIS_INSTANCE: name,
    PORTCULLIS_TOKEN_SERVICE_URL: `http://${LOOPBACK}:${ports.tokenService}`,
    PORTCULLIS_INTERNAL_URL: `http://${LOOPBACK}:${ports.tokenServiceInternal}`,
    PORTCULLIS_ROUTES_FILE: routesFile,
    ...managementPort(shared, 1 + index * Number(shared['PORTCULLIS_WORKERS'] || 1)),
  };
}

/** `PORTCULLIS_MANAGEMENT_PORT` is the token-service's; gateways take those after it, each as many as it has workers. */
function managementPort({ PORTCULLIS_MANAGEMENT_PORT: first }: NodeJS.ProcessEnv, offset: number): NodeJS.ProcessEnv {
  return first ? { PORTCULLIS_MANAGEMENT_PORT: String(Number(first) + offset) } : {};
}

/** Plain http for the session's cookie only where the gateways are on this machine alone. */
function publicUrl(gatewayHost: string, port: number): NodeJS.ProcessEnv {
  return gatewayHost === LOOPBACK ? { PORTCULLIS_PUBLIC_URL: `http://${LOOPBACK}:${port}` } : {};
}

/** Asked to listen on every address, a gateway is reached on loopback from here. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return LOOPBACK;
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function startApp(
  { repository, options }: StackContext,
  name: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<ManagedProcess> {
  return startNodeApp(join(repository, folder, 'dist', 'main.js'), {
    name,
    env: { ...env, NO_COLOR: '1' },
    cwd: repository,
    log: join(options.dataDir, 'logs', `${name}.log`),
    runDir: join(options.dataDir, 'run'),
  });
}
