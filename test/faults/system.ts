import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedPostgres, startPostgres } from '../../scripts/stack/embedded-postgres.ts';
import { freePort } from '../../scripts/stack/free-port.ts';
import { makeTemporaryDataDir, removeDataDir } from '../../scripts/stack/temporary-dir.ts';
import { LinkProxy } from './link-proxy.ts';
import { NatsCluster } from './nats-cluster.ts';
import { SupervisedApp } from './supervised-app.ts';

export interface SystemOptions {
  gateways: number;
  tokenServices: number;
  natsNodes: number;
  leaseMs: number;
  upstreamUrl: string;
  gatewayEnv?: Record<string, string>;
}

/** What lies between two parts: one proxy, or one for each node of the NATS cluster. */
export interface Link {
  /** `gw-1→ts-2 internal` */
  name: string;
  kind: LinkKind;
  from: string;
  proxies: LinkProxy[];
}

export const LINK_KINDS = [
  'gateway–token-service internal',
  'gateway–token-service API',
  'gateway–NATS',
  'token-service–NATS',
  'token-service–Postgres',
] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

interface Ports {
  api: number;
  internal: number;
}

const REPOSITORY = join(import.meta.dirname, '..', '..');
const HOST = '127.0.0.1';
const INTERNAL_SECRET = 'the-secret-of-the-fault-harness-32-characters-or-more';
const MASTER_KEY = Buffer.alloc(32, 9).toString('base64');
// A crash of Postgres's processes must lose no commit, so commits are written, as in production; fsync is for a machine's crash.
const POSTGRES_SETTINGS = { fsync: 'off', full_page_writes: 'off', max_connections: 200 };

/** The real thing as processes on this machine, every link between its parts through a proxy of ours. */
export class System {
  readonly gateways: SupervisedApp[] = [];
  readonly gatewayUrls: string[] = [];
  readonly tokenServices: SupervisedApp[] = [];
  /** Where controllers call the token-services, past the proxies. */
  readonly tokenServiceUrls: string[] = [];
  readonly links: Link[] = [];
  nats: NatsCluster;
  adminToken = '';
  readonly #options: SystemOptions;
  readonly #dataDir: string;
  #postgres: EmbeddedPostgres;

  private constructor(options: SystemOptions, dataDir: string) {
    this.#options = options;
    this.#dataDir = dataDir;
  }

  static async start(options: SystemOptions): Promise<System> {
    const system = new System(options, await makeTemporaryDataDir('portcullis-faults-'));
    try {
      await system.#startAll();
    } catch (error) {
      await system.stop();
      throw error;
    }
    return system;
  }

  get apps(): SupervisedApp[] {
    return [...this.gateways, ...this.tokenServices];
  }

  /** @param abruptly as in a crash: the next start recovers from the write-ahead log */
  async stopPostgres(abruptly: boolean): Promise<void> {
    if (!abruptly) return this.#postgres.stop();
    this.#postgres.process.kill('SIGQUIT');
    await this.#postgres.process.exited;
  }

  async startPostgres(): Promise<void> {
    const { port } = this.#postgres ?? { port: undefined };
    const options = { dataDir: this.#dataDir, settings: POSTGRES_SETTINGS };
    this.#postgres = await startPostgres({ ...options, ...(port !== undefined && { port }) });
  }

  /** Copies what the parts have written, to look into. */
  async keepLogs(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await cp(join(this.#dataDir, 'logs'), folder, { recursive: true });
  }

  async stop(): Promise<void> {
    for (const link of this.links) for (const proxy of link.proxies) proxy.heal();
    await Promise.allSettled(this.apps.map((app) => app.stop()));
    await Promise.allSettled([this.nats?.stop(), this.#postgres?.stop()]);
    await Promise.allSettled(this.links.flatMap(({ proxies }) => proxies.map((proxy) => proxy.stop())));
    await removeDataDir(this.#dataDir);
  }

  async #startAll(): Promise<void> {
    await mkdir(join(this.#dataDir, 'bootstrap'));
    await this.startPostgres();
    this.nats = await NatsCluster.start(this.#options.natsNodes, this.#dataDir);
    const ports: Ports[] = [];
    for (let i = 1; i <= this.#options.tokenServices; i += 1) {
      ports.push({ api: await freePort(), internal: await freePort() });
      const app = await this.#tokenService(`ts-${i}`, ports.at(-1)!);
      this.tokenServices.push(app);
      this.tokenServiceUrls.push(`http://${HOST}:${ports.at(-1)!.api}`);
      await app.start(); // one after the other: the first makes the database
    }
    this.adminToken = (await readFile(join(this.#dataDir, 'bootstrap', 'admin-token'), 'utf8')).trim();
    const routes = `routes:\n  - prefix: /api/guarded\n    upstreams: [${this.#options.upstreamUrl}]\n`;
    await writeFile(join(this.#dataDir, 'routes.yaml'), routes);
    for (let i = 1; i <= this.#options.gateways; i += 1) this.gateways.push(await this.#gateway(`gw-${i}`, ports));
    await Promise.all(this.gateways.map((gateway) => gateway.start()));
  }

  async #tokenService(name: string, { api, internal }: Ports): Promise<SupervisedApp> {
    const url = new URL(this.#postgres.url);
    const [port] = await this.#link('token-service–Postgres', name, 'Postgres', [this.#postgres.port]);
    url.port = String(port);
    return this.#app(name, 'apps/token-service', api, {
      PORTCULLIS_API_PORT: String(api),
      PORTCULLIS_INTERNAL_PORT: String(internal),
      PORTCULLIS_INTERNAL_SECRET: INTERNAL_SECRET,
      PORTCULLIS_MASTER_KEY: MASTER_KEY,
      PORTCULLIS_BOOTSTRAP_DIR: join(this.#dataDir, 'bootstrap'),
      PORTCULLIS_LEASE_MS: String(this.#options.leaseMs),
      PORTCULLIS_EVENTS_REPLICAS: String(this.#options.natsNodes),
      DATABASE_URL: url.href,
      NATS_URL: await this.#natsUrls('token-service–NATS', name),
    });
  }

  async #gateway(name: string, tokenServices: readonly Ports[]): Promise<SupervisedApp> {
    const urls = { api: [] as string[], internal: [] as string[] };
    for (const [i, ports] of tokenServices.entries()) {
      const [api] = await this.#link('gateway–token-service API', name, `ts-${i + 1} API`, [ports.api]);
      const [internal] = await this.#link('gateway–token-service internal', name, `ts-${i + 1} internal`, [ports.internal]); // prettier-ignore
      urls.api.push(`http://${HOST}:${api}`);
      urls.internal.push(`http://${HOST}:${internal}`);
    }
    const port = await freePort();
    this.gatewayUrls.push(`http://${HOST}:${port}`);
    return this.#app(name, 'apps/auth-gateway', port, {
      PORTCULLIS_PORT: String(port),
      PORTCULLIS_INSTANCE: name,
      PORTCULLIS_TOKEN_SERVICE_URL: urls.api.join(','),
      PORTCULLIS_INTERNAL_URL: urls.internal.join(','),
      PORTCULLIS_INTERNAL_SECRET: INTERNAL_SECRET,
      PORTCULLIS_ROUTES_FILE: join(this.#dataDir, 'routes.yaml'),
      NATS_URL: await this.#natsUrls('gateway–NATS', name),
      ...this.#options.gatewayEnv,
    });
  }

  async #natsUrls(kind: LinkKind, from: string): Promise<string> {
    const ports = await this.#link(kind, from, 'NATS', this.nats.ports);
    return ports.map((port) => `nats://${HOST}:${port}`).join(',');
  }

  /** @returns the ports to dial in place of `targetPorts` */
  async #link(kind: LinkKind, from: string, to: string, targetPorts: readonly number[]): Promise<number[]> {
    const proxies = await Promise.all(targetPorts.map((port) => LinkProxy.start(port)));
    this.links.push({ name: `${from}→${to}`, kind, from, proxies });
    return proxies.map(({ port }) => port);
  }

  #app(name: string, folder: string, port: number, env: Record<string, string>): SupervisedApp {
    return new SupervisedApp({
      name,
      script: join(REPOSITORY, folder, 'dist', 'main.js'),
      cwd: REPOSITORY,
      env,
      logFile: join(this.#dataDir, 'logs', `${name}.log`),
      readyUrl: `http://${HOST}:${port}/readyz`,
    });
  }
}
