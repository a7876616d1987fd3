import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { FAULT_KINDS } from './fault-plan.ts';
import type { FaultReport } from './report.ts';
import type { Distribution } from './statistics.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');
const REPORTS = join(DOCS, 'reports');

/** Writes the report as JSON and as Markdown. @returns their common name */
export async function writeReport(report: FaultReport): Promise<string> {
  const name = `faults-${report.startedAt.slice(0, 16).replace(':', '')}Z-seed-${report.seed}`;
  await mkdir(REPORTS, { recursive: true });
  await writeFormatted(join(REPORTS, `${name}.json`), JSON.stringify(report));
  await writeFormatted(join(REPORTS, `${name}.md`), reportPage(report));
  return name;
}

/** Makes docs/reliability.md from all reports there are. */
export async function writeReliabilityPage(): Promise<void> {
  const names = await readdir(REPORTS).catch(() => []);
  const reports: { name: string; report: FaultReport }[] = [];
  for (const file of names.filter((each) => /^faults-.*\.json$/.test(each)).toSorted()) {
    const report = JSON.parse(await readFile(join(REPORTS, file), 'utf8')) as FaultReport;
    reports.push({ name: file.replace(/\.json$/, ''), report });
  }
  await writeFormatted(join(DOCS, 'reliability.md'), reliabilityPage(reports));
}

function reportPage(report: FaultReport): string {
  const { requests, changes, topology } = report;
  const exits = Object.entries(report.unexpectedExits).filter(([, count]) => count > 0);
  return `# Fault run, seed ${report.seed}

<!-- Written by the fault harness: npm run faults. -->

${table(
  ['', ''],
  [
    ['Started', report.startedAt],
    ['Commit', report.commit],
    ['Machine', report.machine],
    ['Duration', `${report.durationSeconds} s`],
    [
      'System',
      `${topology.gateways} gateways, ${topology.tokenServices} token-services, ${topology.natsNodes} NATS nodes, Postgres; lease ${report.leaseMs} ms`,
    ],
    ['Requests', `${requests.made}`],
    ['… that had to be refused', `${requests.hadToBeRefused}`],
    ['… that had to be let in', `${requests.hadToBeAccepted}`],
    ['… of those, 503 or no answer', `${requests.unanswered}`],
    ['**Stale accepts**', `**${report.staleAccepts}**`],
    ['**Wrong refusals**', `**${report.wrongRefusals}**`],
    ['Changes with a receipt', `${changes.returned}`],
    ['Changes unconfirmed, or without an answer', `${changes.unconfirmed}, ${changes.lost}`],
    ['Phases with several faults at once', `${report.mixtures}`],
    ['Slowest return to readiness', `${report.slowestRecoverySeconds} s after the last fault was healed`],
    [
      'Processes that ended by themselves',
      exits.length === 0 ? 'none' : exits.map(([name, count]) => `${name}: ${count}`).join(', '),
    ],
  ],
)}

## Faults injected

${table(
  ['fault', 'times'],
  FAULT_KINDS.map((kind) => [kind, `${report.faults[kind] ?? 0}`]),
)}

## From the call to its receipt, in milliseconds

${latencyTable(report)}
`;
}

function latencyTable({ receiptMs, barrierMs }: FaultReport): string {
  return table(
    ['changes that', 'count', 'p50', 'p95', 'p99', 'max'],
    [
      row('take access, no fault in force', receiptMs.taking.withoutFaults),
      row('– of that, after the commit', barrierMs.taking.withoutFaults),
      row('take access, under faults', receiptMs.taking.underFaults),
      row('– of that, after the commit', barrierMs.taking.underFaults),
      row('give access, no fault in force', receiptMs.giving.withoutFaults),
      row('– of that, after the commit', barrierMs.giving.withoutFaults),
      row('give access, under faults', receiptMs.giving.underFaults),
      row('– of that, after the commit', barrierMs.giving.underFaults),
    ],
  );
}

function row(name: string, distribution: Distribution | undefined): string[] {
  const { count = 0, p50 = '–', p95 = '–', p99 = '–', max = '–' } = distribution ?? {};
  return [name, ...[count, p50, p95, p99, max].map(String)];
}

function reliabilityPage(runs: readonly { name: string; report: FaultReport }[]): string {
  const longest = runs.toSorted((a, b) => b.report.durationSeconds - a.report.durationSeconds)[0];
  const rows = runs.map(({ name, report }) => [
    `[${report.startedAt}](reports/${name}.md)`,
    report.seed,
    report.commit,
    `${Math.round(report.durationSeconds / 6) / 10} min`,
    report.requests.hadToBeRefused + report.requests.hadToBeAccepted,
    report.changes.returned,
    Object.values(report.faults).reduce((total, count) => total + count, 0),
    report.staleAccepts,
    report.wrongRefusals,
  ]);
  return `# Reliability

<!-- Generated from docs/reports by the fault harness: npm run faults -- --docs. Do not edit. -->

The fault harness (\`test/faults\`) starts the real thing on one machine: three gateways, two token-services, three NATS nodes
and Postgres, with every link between them, those between the NATS nodes too, through a TCP proxy. Clients use tokens at every gateway without a pause while
controllers revoke, restore, deactivate, reactivate and change roles, and faults come and go. One rule is checked over all that
was seen, on one monotonic clock:

> A request that begins after a revoking call returned, and before the next granting call begins, is never accepted; a request
> that begins after a granting call returned, and before the next revoking call begins, is always accepted by a gateway that is
> up and was not \`pending\` in that receipt. (503 is neither.)

Faults, alone and mixed, are chosen by a seed:

${FAULT_KINDS.map((kind) => `- ${kind}`).join('\n')}

A cut link either holds bytes up and delivers them later, or swallows them. \`npm test\` has a run of about a minute, and one that
shows that the checker finds a gateway which ignores its lease.

\`\`\`
npm run faults -- --minutes 30 --seed 7
\`\`\`

## Runs

${table(
  [
    'started',
    'seed',
    'commit',
    'duration',
    'requests checked',
    'receipts',
    'faults',
    'stale accepts',
    'wrong refusals',
  ],
  rows.map((row) => row.map(String)),
)}
${longest ? `\n## From the call to its receipt, in milliseconds, in the longest run\n\nThe harness's clients, controllers and proxies share the cores with the system, so what counts is the difference that faults make.\n\n${latencyTable(longest.report)}\n` : ''}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

async function writeFormatted(path: string, text: string): Promise<void> {
  await writeFile(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}
