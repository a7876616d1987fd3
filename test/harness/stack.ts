import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedPostgres, startPostgres } from '../../scripts/stack/embedded-postgres.ts';
import { freePort } from '../../scripts/stack/free-port.ts';
import { type NatsServer, startNats } from '../../scripts/stack/nats-server.ts';
import { type ManagedProcess, startNodeApp, waitUntilReady } from '../../scripts/stack/processes.ts';
import { makeTemporaryDataDir, removeDataDir } from '../../scripts/stack/temporary-dir.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { HttpClient } from './http-client.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const HOST = '127.0.0.1';
export const INTERNAL_SECRET = 'a-secret-of-the-tests-with-32-characters-or-more';
export const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');

export interface StackOptions {
  gateways?: number;
  tokenServices?: number;
  /** A Postgres that no other test uses, so that it can be stopped: see {@link Stack.startPostgres}. Benchmarks need it. */
  ownPostgres?: boolean;
  /** The routes file; the example API at /api/datastores when absent. */
  routes?: string;
  tokenServiceEnv?: Record<string, string>;
  /** For all gateways, or for each by its index. */
  gatewayEnv?: Record<string, string> | ((index: number) => Record<string, string>);
}

/** A running app, and all that it has written. */
export interface App {
  name: string;
  url: string;
  process: ManagedProcess;
  log: () => string;
  /** Starts it again with the same settings but for those given here, after a kill or stop. */
  restart: (changed?: Record<string, string>) => Promise<void>;
}

export interface TokenServiceApp extends App {
  internalUrl: string;
}

/** The real thing on free ports: a database of its own, a nats-server of its own, the built apps as processes. */
export class Stack {
  readonly gateways: App[] = [];
  readonly tokenServices: TokenServiceApp[] = [];
  upstream: App;
  nats: NatsServer;
  /** With `ownPostgres` only. */
  postgres: EmbeddedPostgres | undefined;
  adminToken: string;
  adminPassword: string;

  database: TestDatabase;

  readonly dataDir: string;
  private readonly options: StackOptions;

  private constructor(dataDir: string, options: StackOptions) {
    this.dataDir = dataDir;
    this.options = options;
  }

  static async start(options: StackOptions = {}): Promise<Stack> {
    const dataDir = await makeTemporaryDataDir('portcullis-stack-');
    const stack = new Stack(dataDir, options);
    try {
      if (options.ownPostgres) await stack.startPostgres();
      stack.database = await createDatabase(stack.postgres?.superuserUrl ?? (await sharedPostgresUrl()));
      await stack.startAll();
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /** The API through the first gateway, as the Admin. */
  get admin(): HttpClient {
    return this.client(0, this.adminToken);
  }

  /** The API through a gateway. */
  client(gateway: number, token?: string): HttpClient {
    return new HttpClient(this.gateways[gateway]!.url, token);
  }

  /** The API of a token-service, not through a gateway. */
  direct(tokenService = 0, token?: string): HttpClient {
    return new HttpClient(this.tokenServices[tokenService]!.url, token);
  }

  /** Everything that the apps and nats-server have written. */
  logs(): string {
    return [...this.gateways, ...this.tokenServices, this.upstream].map((app) => app.log()).join('');
  }

  async startNats(): Promise<void> {
    const { port } = this.nats ?? { port: undefined };
    this.nats = await startNats({ dataDir: this.dataDir, ...(port && { port }) });
  }

  /** Starts a Postgres of its own, or starts that one again on its data and port. */
  async startPostgres(): Promise<void> {
    const { port } = this.postgres ?? { port: undefined };
    this.postgres = await startPostgres({ dataDir: this.dataDir, ...(port && { port }) });
  }

  async stop(): Promise<void> {
    const apps = [...this.gateways, ...this.tokenServices, this.upstream].filter(Boolean);
    await Promise.allSettled(apps.map((app) => app.process.stop()));
    await this.nats?.stop();
    await this.database?.drop();
    await this.postgres?.stop();
    await removeDataDir(this.dataDir);
  }

  private async startAll(): Promise<void> {
    await mkdir(join(this.dataDir, 'bootstrap'));
    await this.startNats();
    this.upstream = await this.startUpstream();
    for (let i = 0; i < (this.options.tokenServices ?? 1); i++)
      this.tokenServices.push(await this.startTokenService(i));
    this.adminToken = await this.readBootstrap('admin-token');
    this.adminPassword = await this.readBootstrap('admin-password');
    const starting = Array.from({ length: this.options.gateways ?? 1 }, (_, i) => this.startGateway(i));
    this.gateways.push(...(await Promise.all(starting)));
  }

  private async readBootstrap(name: string): Promise<string> {
    return (await readFile(join(this.dataDir, 'bootstrap', name), 'utf8')).trim();
  }

  private async startUpstream(): Promise<App> {
    const port = await freePort();
    return startApp(
      'upstream',
      'examples/datastores-api',
      { PORT: String(port) },
      `http://${HOST}:${port}`,
      '/healthz',
    );
  }

  private async startTokenService(index: number): Promise<TokenServiceApp> {
    const [port, internalPort] = [await freePort(), await freePort()];
    const env = {
      PORTCULLIS_API_PORT: String(port),
      PORTCULLIS_INTERNAL_PORT: String(internalPort),
      PORTCULLIS_INTERNAL_SECRET: INTERNAL_SECRET,
      PORTCULLIS_MASTER_KEY: MASTER_KEY,
      PORTCULLIS_BOOTSTRAP_DIR: join(this.dataDir, 'bootstrap'),
      DATABASE_URL: this.database.url,
      NATS_URL: this.nats.url,
      PORTCULLIS_PUBLIC_URL: 'http://127.0.0.1',
      PORTCULLIS_LOG_LEVEL: 'debug',
      ...this.options.tokenServiceEnv,
    };
    const app = await startApp(`token-service-${index + 1}`, 'apps/token-service', env, `http://${HOST}:${port}`);
    return Object.assign(app, { internalUrl: `http://${HOST}:${internalPort}` });
  }

  private async startGateway(index: number): Promise<App> {
    const port = await freePort();
    const routesFile = join(this.dataDir, 'routes.yaml');
    await writeFile(routesFile, this.options.routes ?? defaultRoutes(this.upstream.url));
    const env = {
      PORTCULLIS_PORT: String(port),
      PORTCULLIS_INSTANCE: `gw-${index + 1}`,
      PORTCULLIS_TOKEN_SERVICE_URL: this.tokenServices.map((service) => service.url).join(','),
      PORTCULLIS_INTERNAL_URL: this.tokenServices.map((service) => service.internalUrl).join(','),
      PORTCULLIS_INTERNAL_SECRET: INTERNAL_SECRET,
      PORTCULLIS_ROUTES_FILE: routesFile,
      NATS_URL: this.nats.url,
      PORTCULLIS_LOG_LEVEL: 'debug',
      ...(typeof this.options.gatewayEnv === 'function' ? this.options.gatewayEnv(index) : this.options.gatewayEnv),
    };
    return startApp(`gw-${index + 1}`, 'apps/auth-gateway', env, `http://${HOST}:${port}`);
  }
}

/** Imported only where it is needed, so that benchmarks can use the harness without Vitest. */
async function sharedPostgresUrl(): Promise<string> {
  const { inject } = await import('vitest');
  return inject('postgresUrl');
}

export function defaultRoutes(upstreamUrl: string): string {
  return `routes:\n  - prefix: /api/datastores\n    upstreams: [${upstreamUrl}]\n`;
}

async function startApp(
  name: string,
  folder: string,
  env: Record<string, string>,
  url: string,
  ready = '/readyz',
): Promise<App> {
  let written = '';
  const launch = async (): Promise<ManagedProcess> => {
    const app = await startNodeApp(join(REPOSITORY, folder, 'dist', 'main.js'), {
      name,
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
      cwd: REPOSITORY,
      log: (text) => (written += text),
      stopTimeoutMs: 15_000,
    });
    await waitUntilReady(app, url + ready);
    return app;
  };
  const app: App = {
    name,
    url,
    process: await launch(),
    log: () => written,
    restart: async (changed = {}) => {
      Object.assign(env, changed);
      await app.process.stop();
      app.process = await launch();
    },
  };
  return app;
}
