import { chmod, cp, mkdir, readdir, readFile, stat, writeFile, chown } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import pg from 'pg';
import { type EmbeddedPostgres, startPostgres } from '../../scripts/stack/embedded-postgres.ts';
import { freePort } from '../../scripts/stack/free-port.ts';
import { ensureNatsServer } from '../../scripts/stack/nats-server-binary.ts';
import { ensureOpenssl } from '../../scripts/stack/openssl-binary.ts';
import { type ManagedProcess, startNodeApp, startProcess, waitUntilReady } from '../../scripts/stack/processes.ts';
import { runCommand } from '../../scripts/stack/run-command.ts';
import { makeTemporaryDataDir, removeDataDir } from '../../scripts/stack/temporary-dir.ts';
import { type ComposeService, readComposeFile } from './compose-file.ts';
import { HttpClient, type Json } from './http-client.ts';
import { waitUntil } from './wait-until.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
/** Nine processes, one after the other. */
export const START_TIMEOUT_MS = 240_000;
const SCRIPT_TIMEOUT_MS = 60_000;
const NATS_NODES = ['nats-1', 'nats-2', 'nats-3'];
const TOKEN_SERVICES = ['token-service-1', 'token-service-2'];
const GATEWAYS = ['gateway-1', 'gateway-2'];

/**
 * What docker-compose.yml describes, as plain processes: its secrets, certificates, configuration files and environments as they
 * are, but for host names and ports (all are on this machine) and for paths (no mounts).
 */
export class ComposedStack {
  /** A copy of `deploy/`, with the secrets and certificates that its scripts have made. */
  readonly deploy: string;
  postgres: EmbeddedPostgres;
  adminToken: string;
  adminPassword: string;
  private readonly ports = new Map<string, number>();
  private readonly processes = new Map<string, ManagedProcess>();
  private readonly written = new Map<string, string>();
  private services: Record<string, ComposeService>;

  private constructor(
    private readonly dataDir: string,
    private readonly routes: string | undefined,
  ) {
    this.deploy = join(dataDir, 'deploy');
  }

  /** @param routes a routes file; that of `deploy/` when absent */
  static async start(routes?: string): Promise<ComposedStack> {
    const stack = new ComposedStack(await makeTemporaryDataDir('portcullis-composed-'), routes);
    try {
      await stack.startAll();
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  get ca(): Promise<string> {
    return readFile(join(this.deploy, 'secrets', 'tls', 'ca.crt'), 'utf8');
  }

  /** Where one of compose's `host:port` is listened on. */
  port(address: string): number {
    return this.ports.get(address)!;
  }

  /** The API through a gateway. */
  client(gateway: 'gateway-1' | 'gateway-2', token?: string): HttpClient {
    return new HttpClient(`https://localhost:${this.port(`${gateway}:8443`)}`, token);
  }

  log(service: string): string {
    return this.written.get(service) ?? '';
  }

  /** Of a certificate's folder, `deploy/secrets/tls/…`. */
  certificates(part: string): string {
    return join(this.deploy, 'secrets', 'tls', part);
  }

  secret(name: string): Promise<string> {
    return readFile(join(this.deploy, 'secrets', name), 'utf8').then((text) => text.trim());
  }

  /** Renews every certificate, as docs/tls.md says. */
  renewCertificates(): Promise<void> {
    return this.runScript('make-certificates.sh', join(this.deploy, 'secrets', 'tls'));
  }

  /** Makes the certificates of an authority that nobody here trusts. @returns its folder */
  async strangersCertificates(): Promise<string> {
    const folder = join(this.dataDir, 'stranger');
    await this.runScript('make-certificates.sh', folder);
    return folder;
  }

  /** Starts an app of the compose file, or one that was stopped, with a few settings changed. */
  async startApp(name: string, changed: Record<string, string> = {}): Promise<ManagedProcess> {
    const service = this.services[name]!;
    const folder = name.startsWith('gateway') ? 'apps/auth-gateway' : 'apps/token-service';
    const app = await startNodeApp(join(REPOSITORY, folder, 'dist', 'main.js'), {
      name,
      env: { PATH: process.env['PATH'], ...this.environmentOf(name, service), ...changed },
      cwd: this.dataDir,
      log: (text) => this.written.set(name, this.log(name) + text),
    });
    this.processes.set(name, app);
    return app;
  }

  /** Runs an admin command where a token-service runs, as `docker compose exec` does. @returns what it answered with `--json` */
  async adminCommand(service: string, ...args: string[]): Promise<Json> {
    const path = join(REPOSITORY, 'apps/token-service/dist/admin/main.js');
    const env = { PATH: process.env['PATH'], ...this.environmentOf(service, this.services[service]!) };
    const options = { env, timeoutMs: SCRIPT_TIMEOUT_MS };
    const { code, output } = await runCommand(process.execPath, [path, '--json', ...args], options);
    if (code !== 0) throw new Error(`${args.join(' ')} failed: ${output}`);
    return JSON.parse(output) as Json;
  }

  async stopApp(name: string): Promise<void> {
    await this.processes.get(name)?.stop();
  }

  async stop(): Promise<void> {
    const all = [...this.processes].toReversed();
    for (const group of [GATEWAYS, TOKEN_SERVICES, ['datastores-api', ...NATS_NODES]]) {
      await Promise.allSettled(all.filter(([name]) => group.includes(name)).map(([, each]) => each.stop()));
    }
    await this.postgres?.stop();
    setDefaultCACertificates(getCACertificates('bundled'));
    await removeDataDir(this.dataDir);
  }

  private async startAll(): Promise<void> {
    this.services = (await readComposeFile(join(REPOSITORY, 'docker-compose.yml'))).services;
    await cp(join(REPOSITORY, 'deploy'), this.deploy, {
      recursive: true,
      filter: (path) => !/secrets(\.\w{6})?$/.test(path),
    });
    await this.runScript('make-secrets.sh');
    await this.givePorts();
    await this.replaceAddresses();
    setDefaultCACertificates([...getCACertificates('bundled'), await this.ca]);
    await Promise.all([this.startNats(), this.startPostgresWithTls(), this.startDatastores()]);
    await this.startApps(TOKEN_SERVICES, '3001');
    await this.startApps(GATEWAYS, '8443');
    this.adminToken = (await readFile(join(this.dataDir, 'bootstrap', 'admin-token'), 'utf8')).trim();
    this.adminPassword = (await readFile(join(this.dataDir, 'bootstrap', 'admin-password'), 'utf8')).trim();
  }

  private async runScript(name: string, ...args: string[]): Promise<void> {
    const path = [dirname(await ensureOpenssl()), process.env['PATH']].join(delimiter);
    const options = { env: { ...process.env, PATH: path }, timeoutMs: SCRIPT_TIMEOUT_MS };
    const { code, output } = await runCommand(join(this.deploy, name), args, options);
    if (code !== 0) throw new Error(`${name} failed: ${output}`);
  }

  private async givePorts(): Promise<void> {
    const addresses = [
      'postgres:5432',
      'datastores-api:4001',
      ...NATS_NODES.flatMap((node) => [`${node}:4222`, `${node}:6222`, `${node}:8222`]),
      ...TOKEN_SERVICES.flatMap((service) => [`${service}:3001`, `${service}:3002`]),
      ...GATEWAYS.map((gateway) => `${gateway}:8443`),
    ];
    for (const address of addresses) this.ports.set(address, await freePort());
  }

  /** In the secrets and the routes, which name hosts. */
  private async replaceAddresses(): Promise<void> {
    const routesFile = join(this.deploy, 'routes', 'portcullis.routes.yaml');
    if (this.routes) await writeFile(routesFile, this.routes);
    const secrets = join(this.deploy, 'secrets');
    const names = (await readdir(secrets, { withFileTypes: true })).filter((entry) => entry.isFile());
    for (const path of [routesFile, ...names.map(({ name }) => join(secrets, name))]) {
      const text = await readFile(path, 'utf8');
      await chmod(path, 0o644);
      await writeFile(path, this.onThisMachine(text).replaceAll('/run/tls', this.certificates('token-service')));
    }
  }

  private onThisMachine(text: string): string {
    let replaced = text;
    for (const [address, port] of this.ports) replaced = replaced.replaceAll(address, `localhost:${port}`);
    return replaced;
  }

  private environmentOf(name: string, { environment, volumes }: ComposeService): Record<string, string> {
    const mounts = volumes.map((mount) => mount.split(':') as [string, string]);
    const onThisMachine = (value: string): string => {
      const mount = mounts.find(([, inside]) => value === inside || value.startsWith(`${inside}/`));
      if (mount) return join(this.dataDir, mount[0]) + value.slice(mount[1].length);
      return this.onThisMachine(value.replace('/run/secrets', join(this.deploy, 'secrets')));
    };
    const entries = Object.entries(environment).map(([key, value]) => [key, onThisMachine(value)]);
    return { ...(Object.fromEntries(entries) as Record<string, string>), ...this.listening(name) };
  }

  /** What the Dockerfile sets, and ports of this machine. */
  private listening(name: string): Record<string, string> {
    if (name.startsWith('gateway')) return { PORTCULLIS_PORT: String(this.port(`${name}:8443`)) };
    return {
      PORTCULLIS_API_PORT: String(this.port(`${name}:3001`)),
      PORTCULLIS_INTERNAL_PORT: String(this.port(`${name}:3002`)),
      PORTCULLIS_BOOTSTRAP_DIR: join(this.dataDir, 'bootstrap'),
    };
  }

  private async startApps(names: string[], port: string): Promise<void> {
    await mkdir(join(this.dataDir, 'bootstrap'), { recursive: true });
    for (const name of names) {
      const app = await this.startApp(name);
      await waitUntilReady(app, `https://localhost:${this.port(`${name}:${port}`)}/readyz`);
    }
  }

  private async startDatastores(): Promise<void> {
    const port = this.port('datastores-api:4001');
    const app = await startNodeApp(join(REPOSITORY, 'examples/datastores-api/dist/main.js'), {
      name: 'datastores-api',
      env: { PATH: process.env['PATH'], PORT: String(port) },
      log: (text) => this.written.set('datastores-api', this.log('datastores-api') + text),
    });
    this.processes.set('datastores-api', app);
    await waitUntilReady(app, `http://localhost:${port}/healthz`);
  }

  /** Three servers on the one configuration file, which finds its secrets relative to itself. */
  private async startNats(): Promise<void> {
    const binary = await ensureNatsServer();
    const text = await readFile(join(this.deploy, 'nats.conf'), 'utf8');
    for (const name of NATS_NODES) {
      const home = join(this.dataDir, name);
      await mkdir(join(home, 'etc', 'nats'), { recursive: true });
      await cp(join(this.deploy, 'secrets', 'nats_passwords'), join(home, 'run', 'secrets', 'nats_passwords'));
      const config = join(home, 'etc', 'nats', 'nats.conf');
      await writeFile(config, this.natsConfiguration(text, name, home));
      const env = { PATH: process.env['PATH'], ...this.services[name]!.environment };
      const log = (part: string): void => void this.written.set(name, this.log(name) + part);
      this.processes.set(name, await startProcess({ name, command: binary, args: ['--config', config], env, log }));
    }
    await waitUntil('the NATS servers are healthy', async () => {
      const asked = NATS_NODES.map((node) => fetch(`http://localhost:${this.port(`${node}:8222`)}/healthz`));
      const answers = await Promise.all(asked).catch(() => []);
      return answers.length > 0 && answers.every(({ ok }) => ok);
    });
  }

  private natsConfiguration(text: string, name: string, home: string): string {
    return this.onThisMachine(text)
      .replace(/^port: 4222$/m, `listen: "127.0.0.1:${this.port(`${name}:4222`)}"`)
      .replace(/^ {2}port: 6222$/m, `  listen: "127.0.0.1:${this.port(`${name}:6222`)}"`)
      .replace('127.0.0.1:8222', `127.0.0.1:${this.port(`${name}:8222`)}`)
      .replaceAll('/run/tls', this.certificates('nats'))
      .replace('store_dir: /data', `store_dir: ${JSON.stringify(join(home, 'data'))}`);
  }

  /** With the settings of deploy/postgres-entrypoint.sh and the passwords of deploy/postgres-init.sh. */
  private async startPostgresWithTls(): Promise<void> {
    const options = { dataDir: this.dataDir, port: this.port('postgres:5432') };
    this.postgres = await startPostgres(options);
    const client = new pg.Client({ connectionString: this.postgres.superuserUrl });
    await client.connect();
    await client.query(`ALTER ROLE portcullis PASSWORD '${await this.secret('postgres_password')}'`);
    await client.end();
    await this.postgres.stop();
    const [key, hba] = [
      join(this.postgres.clusterDir, 'tls.key'),
      join(this.postgres.clusterDir, 'portcullis_hba.conf'),
    ];
    const certificate = join(this.postgres.clusterDir, 'tls.crt');
    await cp(join(this.certificates('postgres'), 'tls.key'), key);
    await cp(join(this.certificates('postgres'), 'tls.crt'), certificate);
    await cp(join(this.deploy, 'pg_hba.conf'), hba);
    const { uid, gid } = await stat(this.postgres.clusterDir);
    for (const path of [key, certificate, hba]) await chown(path, uid, gid);
    await chmod(key, 0o400);
    const entrypoint = await readFile(join(this.deploy, 'postgres-entrypoint.sh'), 'utf8');
    const settings = [...entrypoint.matchAll(/-c ([a-z_]+)=(\S+)/g)].map(([, setting, value]) => [setting!, value!]);
    const paths = { ssl_key_file: key, ssl_cert_file: certificate, hba_file: hba };
    this.postgres = await startPostgres({ ...options, settings: { ...Object.fromEntries(settings), ...paths } });
  }
}
