import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { freePort } from '../scripts/stack/free-port.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import { headingAnchors, readMarkdown } from './harness/markdown.ts';
import { promqlNames } from './harness/promql.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

interface Alert {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { refId: string; expr: string; datasource: { uid: string } }[];
}

const REPOSITORY = join(import.meta.dirname, '..');
const PROMETHEUS = join(REPOSITORY, 'deploy', 'prometheus');
const run = promisify(execFile);

const alertsFile = parse(await readFile(join(PROMETHEUS, 'alerts.yaml'), 'utf8')) as {
  groups: { name: string; rules: Alert[] }[];
};
const alerts = alertsFile.groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(await readFile(join(REPOSITORY, 'deploy', 'grafana', 'portcullis.json'), 'utf8')) as {
  panels: Panel[];
};
const panelExpressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

describe('what the dashboard and the alerts ask for', () => {
  /** By the name of a sample, the names of its labels. Prometheus adds the first two to everything, and makes `up`. */
  const served = new Map([['up', new Set(['job', 'instance'])]]);
  let stack: Stack;
  beforeAll(async () => {
    const ports = [await freePort(), await freePort()];
    stack = await Stack.start({
      tokenServiceEnv: { PORTCULLIS_MANAGEMENT_PORT: String(ports[0]) },
      gatewayEnv: { PORTCULLIS_MANAGEMENT_PORT: String(ports[1]) },
    });
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    await stack.client(0, token).get('/api/datastores');
    await waitUntil('the gateway has counted the request', async () => {
      for (const port of ports) addSamples(served, await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
      return served.has('portcullis_gateway_requests_total');
    });
  });
  afterAll(() => stack.stop());

  it.each([...alerts.map(({ expr }) => expr), ...panelExpressions])('is served: %s', (expression) => {
    const { metrics, labels } = promqlNames(expression.replaceAll('$__rate_interval', '5m'));
    const known = metrics.flatMap((metric) => [...(served.get(metric) ?? [])]);
    expect(metrics.filter((metric) => !served.has(metric))).toEqual([]);
    expect(labels.filter((label) => !known.includes(label))).toEqual([]);
  });

  it('leaves out no metric of Portcullis', () => {
    const asked = [...alerts.map(({ expr }) => expr), ...panelExpressions].join('\n');
    const families = [...served.keys()].map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    const unseen = families.filter((name) => name.startsWith('portcullis_') && !asked.includes(name));
    expect(unseen).toEqual([]);
  });

  it('is named as Prometheus wants it: base units, counters and nothing else with _total', async () => {
    for (const name of served.keys()) expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb|percent)(_|$)/);
    expect([...served.keys()].filter((name) => /^portcullis_.*(requests|receipts|rejected|dropped)$/.test(name))).toEqual([]); // prettier-ignore
  });
});

describe('the alerts', () => {
  it('hold what rules of Prometheus have, and nothing else', () => {
    for (const { rules, ...group } of alertsFile.groups) {
      expect(group).toEqual({ name: expect.stringMatching(/^portcullis-/) });
      for (const { alert, expr, for: duration = '0s', labels, annotations, ...more } of rules) {
        expect(more, alert).toEqual({});
        expect([alert, expr], alert).toEqual([expect.stringMatching(/^Portcullis[A-Za-z]+$/), expect.any(String)]);
        expect(duration, alert).toMatch(/^\d+[smh]$/);
        expect(Object.keys({ ...labels, ...annotations }).toSorted(), alert).toEqual([
          'runbook',
          'severity',
          'summary',
        ]);
      }
    }
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  it('each have a name of their own, a severity, a summary and a section in docs/alerts.md, which has no others', async () => {
    const headings = headingAnchors(await readMarkdown(join(REPOSITORY, 'docs', 'alerts.md')));
    for (const { alert, labels, annotations } of alerts) {
      expect(labels['severity'], alert).toMatch(/^(critical|warning|info)$/);
      expect(annotations['summary'], alert).toBeTruthy();
      expect(annotations['runbook'], alert).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
    }
    const sections = headings.filter((heading) => heading.startsWith('portcullis'));
    expect(sections.toSorted()).toEqual(alerts.map(({ alert }) => alert.toLowerCase()).toSorted());
  });

  it('each have a test for promtool', async () => {
    const text = await readFile(join(PROMETHEUS, 'alerts.test.yaml'), 'utf8');
    expect(alerts.map(({ alert }) => alert).filter((alert) => !text.includes(`alertname: ${alert}\n`))).toEqual([]);
  });

  it('pass promtool, where it is installed', async ({ skip }) => {
    const isInstalled = await run('promtool', ['--version']).then(() => true, () => false); // prettier-ignore
    if (!isInstalled) skip('promtool is not installed (Debian: prometheus)');
    const checked = await run('promtool', ['check', 'config', 'prometheus.yaml'], { cwd: PROMETHEUS });
    const tested = await run('promtool', ['test', 'rules', 'alerts.test.yaml'], { cwd: PROMETHEUS });
    expect([checked.stdout, tested.stdout].join('')).not.toContain('FAILED');
  });
});

describe('the dashboard', () => {
  it('has panels of Grafana alone, each with an id of its own, that ask the data source that is chosen at the top', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { type, title, datasource, targets = [] } of dashboard.panels) {
      expect(type, title).toMatch(/^(row|stat|timeseries)$/);
      if (type === 'row') continue;
      const refIds = targets.map(({ refId }) => refId);
      expect([refIds.length > 0, new Set(refIds).size], title).toEqual([true, refIds.length]);
      for (const asked of [datasource, ...targets.map((target) => target.datasource)])
        expect(asked?.uid, title).toBe('${datasource}');
    }
  });

  it('has panels that do not lie on each other', () => {
    const cells = dashboard.panels.flatMap(({ title, gridPos: { x, y, w, h } }) => {
      expect(x + w, title).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
  });
});

function addSamples(served: Map<string, Set<string>>, text: string): void {
  for (const [, name, labels = ''] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? /gm)) {
    const known = served.get(name!) ?? new Set(['job', 'instance']);
    for (const [, label] of labels.matchAll(/([a-z_]\w*)="/g)) known.add(label!);
    served.set(name!, known);
  }
}
