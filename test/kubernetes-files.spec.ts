import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseRoutes } from '../apps/auth-gateway/src/authorization/routes-document.ts';
import { knownSettings } from './harness/known-settings.ts';

const REPOSITORY = join(import.meta.dirname, '..');
const FOLDER = join(REPOSITORY, 'deploy', 'kubernetes');
const PARTS = ['token-service', 'gateway'] as const;

type Labels = Record<string, string>;
interface Port {
  name: string;
  containerPort: number;
}
interface Container {
  image: string;
  ports: Port[];
  env: { name: string; value?: string }[];
  envFrom?: { configMapRef: { name: string } }[];
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  securityContext: object;
  lifecycle: { preStop: { sleep: { seconds: number } } };
  resources: object;
  [probe: `${string}Probe`]: { httpGet: { path: string; port: string; scheme: string } };
}
interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: any; // oxlint-disable-line typescript/no-explicit-any -- of every kind; expectations check it
}
interface Kustomization {
  namespace: string;
  resources: string[];
  configMapGenerator: { name: string; files?: string[]; envs?: string[] }[];
  images: { name: string; newTag: string }[];
}

interface Scrape {
  kubernetes_sd_configs: object[];
  relabel_configs: { regex?: string; replacement?: string }[];
}

let manifests: Manifest[];
let kustomization: Kustomization;
beforeAll(async () => {
  kustomization = parse(await readFile(join(FOLDER, 'kustomization.yaml'), 'utf8')) as Kustomization;
  const texts = await Promise.all(kustomization.resources.map((file) => readFile(join(FOLDER, file), 'utf8')));
  manifests = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest));
});

const find = (kind: string, name: string): Manifest =>
  manifests.find((each) => each.kind === kind && each.metadata.name === name)!;
const podOf = (name: string) =>
  find('Deployment', name).spec.template as { metadata: { labels: Labels }; spec: Record<string, any> }; // oxlint-disable-line typescript/no-explicit-any
const containerOf = (name: string): Container => podOf(name).spec['containers'][0] as Container;
const matches = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

describe('the manifests', () => {
  it('hold what their kinds have, and no field that Kubernetes does not know', async () => {
    for (const { apiVersion, kind, ...rest } of manifests) {
      const kinds = (await import(/* @vite-ignore */ `kubernetes-models/${apiVersion}/${kind}`)) as Record<
        string,
        new (data: object) => { validate(): void }
      >;
      expect(() => new kinds[kind]!(rest).validate(), rest.metadata.name).not.toThrow();
    }
    // The validators let unknown fields through, TypeScript doesn't.
    const sources = manifests.map(({ apiVersion, kind, ...rest }, i) => {
      const type = `import('kubernetes-models/${apiVersion}/${kind}').I${kind}`;
      return `export const manifest${i}: ${type} = ${JSON.stringify({ apiVersion, kind, ...rest })};`;
    });
    const misspelt = sources.join('\n').replace('"readinessProbe"', '"readynessProbe"');
    const [errors, errorsOfMisspelt] = typeErrors([sources.join('\n'), misspelt]);
    expect(errors).toEqual([]);
    expect(errorsOfMisspelt).toHaveLength(1);
  }, 240_000);

  it('are all listed, with the files that they are made of', () => {
    expect(manifests.map(({ kind }) => kind).toSorted()).toEqual(
      [
        'Namespace',
        ...PARTS.flatMap(() => ['Deployment', 'PodDisruptionBudget', 'Service', 'ServiceAccount']),
        ...Array.from({ length: 4 }, () => 'NetworkPolicy'),
      ].toSorted(),
    );
    const files = kustomization.configMapGenerator.flatMap(({ files = [], envs = [] }) => [...files, ...envs]);
    for (const file of files) expect(existsSync(join(FOLDER, file)), file).toBe(true);
    expect(kustomization.images.map(({ name }) => name)).toEqual(PARTS.map((part) => containerOf(part).image));
  });

  it('hold routes that a gateway takes', async () => {
    const { faults } = parseRoutes(
      await readFile(join(FOLDER, 'portcullis.routes.yaml'), 'utf8'),
      'portcullis.routes.yaml',
    );
    expect(faults).toEqual([]);
  });
});

describe.each(PARTS)('%s', (part) => {
  const app = part === 'gateway' ? 'auth-gateway' : 'token-service';

  it('is selected by its Service, its disruption budget and itself', () => {
    const { labels } = podOf(part).metadata;
    const selectors = [
      find('Deployment', part).spec.selector.matchLabels,
      find('Service', part).spec.selector,
      find('PodDisruptionBudget', part).spec.selector.matchLabels,
      ...podOf(part).spec['topologySpreadConstraints'].map(
        (each: { labelSelector: { matchLabels: Labels } }) => each.labelSelector.matchLabels,
      ),
    ] as Labels[];
    for (const selector of selectors) {
      expect(matches(selector, labels)).toBe(true);
      expect(PARTS.filter((each) => matches(selector, podOf(each).metadata.labels))).toEqual([part]);
    }
  });

  it('has every port that is named', () => {
    const names = containerOf(part).ports.map(({ name }) => name);
    const targets = find('Service', part).spec.ports.map(
      ({ targetPort }: { targetPort: string }) => targetPort,
    ) as string[];
    expect(targets.filter((target) => !names.includes(target))).toEqual([]);
  });

  it('is asked by its probes what it answers, over TLS', async () => {
    const controller = await readFile(join(REPOSITORY, 'apps', app, 'src/health/health.controller.ts'), 'utf8');
    const container = containerOf(part);
    for (const [probe, path] of [
      ['startupProbe', '/livez'],
      ['livenessProbe', '/livez'],
      ['readinessProbe', '/readyz'],
    ] as const) {
      // prettier-ignore
      expect(container[probe]!.httpGet).toMatchObject({ path, scheme: 'HTTPS' });
      expect(container.ports.map(({ name }) => name)).toContain(container[probe]!.httpGet.port);
      expect(controller).toContain(`@Get('${path.slice(1)}')`);
    }
  });

  it('is given no setting that it does not read, and every file that its settings name', async () => {
    const known = await knownSettings(app);
    const { env, envFrom = [], volumeMounts } = containerOf(part);
    const generators = envFrom.flatMap(({ configMapRef }) => kustomization.configMapGenerator.find(({ name }) => name === configMapRef.name)!.envs!); // prettier-ignore
    const texts = await Promise.all(generators.map((file) => readFile(join(FOLDER, file), 'utf8')));
    const fromFiles = texts.flatMap((text) => text.split('\n').flatMap((line) => line.split('=')[0] || []));
    expect([...fromFiles, ...env.map(({ name }) => name)].filter((name) => !known.has(name))).toEqual([]);
    const paths = env.flatMap(({ value = '' }) => (value.startsWith('/') ? [value] : []));
    expect(paths.filter((path) => !volumeMounts.some(({ mountPath }) => path.startsWith(`${mountPath}/`)))).toEqual([]);
    const volumes = podOf(part).spec['volumes'].map(({ name }: { name: string }) => name) as string[];
    expect(volumeMounts.map(({ name }) => name)).toEqual(volumes);
  });

  it('runs as what the profile "restricted" allows, without a token for the cluster', () => {
    const { spec } = podOf(part);
    expect(spec).toMatchObject({
      serviceAccountName: part,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(containerOf(part).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(containerOf(part).resources).toMatchObject({ requests: { cpu: expect.any(String) }, limits: { memory: expect.any(String) } }); // prettier-ignore
  });

  it('is replaced one by one, and ended no sooner than it ends by itself', async () => {
    expect(find('Deployment', part).spec.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    const shutdown = await readFile(join(REPOSITORY, 'apps/auth-gateway/src/shutdown.ts'), 'utf8');
    const steps = [...shutdown.matchAll(/^const \w+_TIMEOUT_MS = ([\d_]+);$/gm)].map(([, ms]) =>
      Number(ms!.replaceAll('_', '')),
    );
    expect(steps).toHaveLength(5);
    const neededMs =
      steps.reduce((sum, ms) => sum + ms, 500) + containerOf(part).lifecycle.preStop.sleep.seconds * 1_000;
    expect(podOf(part).spec['terminationGracePeriodSeconds'] * 1_000).toBeGreaterThan(neededMs);
  });
});

describe('the network policies', () => {
  interface Rule {
    from?: { podSelector?: { matchLabels: Labels }; namespaceSelector?: { matchLabels: Labels } }[];
    ports: { port: string }[];
  }

  /** Who may come to a port of a part, by all the policies together. */
  function admitted(part: string, port: string): Rule['from'][] {
    const { labels } = podOf(part).metadata;
    const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy').map(({ spec }) => spec);
    const applying = policies.filter(({ podSelector }) => matches(podSelector.matchLabels ?? {}, labels));
    expect(applying.length).toBeGreaterThan(0);
    const rules = applying.flatMap(({ ingress = [] }) => ingress as Rule[]);
    return rules.filter(({ ports }) => ports.some((each) => each.port === port)).map(({ from }) => from);
  }

  it('let gateways alone to the internal API, and to the API', () => {
    for (const port of ['internal', 'api']) {
      expect(admitted('token-service', port)).toEqual([
        [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'gateway' } } }],
      ]);
    }
  });

  it('let everybody to the gateways, and Prometheus alone to the metrics', () => {
    expect(admitted('gateway', 'https')).toEqual([undefined]);
    for (const part of PARTS) {
      const [[who]] = admitted(part, 'management') as [[NonNullable<Rule['from']>[number]]];
      expect(who.namespaceSelector!.matchLabels).toEqual({ 'kubernetes.io/metadata.name': 'monitoring' });
      expect(who.podSelector).toBeDefined();
    }
  });

  it('shut out all that no policy names', () => {
    expect(find('NetworkPolicy', 'nothing-by-default').spec).toEqual({ podSelector: {}, policyTypes: ['Ingress'] });
  });
});

describe('the scrape configuration for Kubernetes', () => {
  it('keeps the management port of each part, under the job that rules and dashboard go by', async () => {
    const folder = join(REPOSITORY, 'deploy', 'prometheus');
    const text = await readFile(join(folder, 'prometheus-kubernetes.yaml'), 'utf8');
    const [scrape] = (parse(text) as { scrape_configs: Scrape[] }).scrape_configs;
    expect(scrape!.kubernetes_sd_configs).toEqual([{ role: 'pod', namespaces: { names: [kustomization.namespace] } }]);
    const [keep, job] = scrape!.relabel_configs;
    expect(keep).toMatchObject({ action: 'keep', source_labels: ['__meta_kubernetes_pod_container_port_name'] });
    expect(job).toMatchObject({
      source_labels: ['__meta_kubernetes_pod_label_app_kubernetes_io_name'],
      target_label: 'job',
    });
    const alerts = await readFile(join(folder, 'alerts.yaml'), 'utf8');
    for (const part of PARTS) {
      expect(containerOf(part).ports.filter(({ name }) => name === keep!.regex)).toHaveLength(1);
      const name = podOf(part).metadata.labels['app.kubernetes.io/name']!;
      expect(alerts).toContain(`up{job="${job!.replacement!.replace('$1', name)}"} == 0`);
    }
  });
});

/** Checks sources against the types of `kubernetes-models`, as if they stood beside this file. @returns the errors of each */
function typeErrors(sources: readonly string[]): string[][] {
  const texts = new Map(sources.map((source, i) => [join(import.meta.dirname, `manifests-${i}.ts`), source]));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (path, ...rest) => {
    const text = texts.get(path);
    return text === undefined ? getSourceFile(path, ...rest) : ts.createSourceFile(path, text, options.target!);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts.keys()].map((path) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(path))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')),
  );
}
