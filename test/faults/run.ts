import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfChanged } from '../../scripts/stack/build.ts';
import { signalAllProcesses } from '../../scripts/stack/processes.ts';
import { type FaultRunOptions, type FaultRunProgress, runFaults } from './fault-run.ts';
import { reportOf, runStart } from './report.ts';
import { writeReliabilityPage, writeReport } from './report-pages.ts';

const HELP = `npm run faults -- [options]

Runs the whole system under faults, checks that no revoked token is let in and no good one refused, and writes a report to
docs/reports.

  --minutes N   how long (default 30)
  --seed S      which faults, and when (default: another one each time; it is printed)
  --no-report   leave docs as they are
  --docs        only make docs/reliability.md anew from the reports
  --help`;

const REPOSITORY = join(import.meta.dirname, '..', '..');
const PROGRESS_INTERVAL_MS = 10_000;
const EVIDENCE_MAX = 20;
const MINUTES_MAX = 24 * 60;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'boolean', default: true },
    docs: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

// Ctrl-C: SIGKILL ends frozen processes too.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    signalAllProcesses('kill');
    process.exit(130);
  });
}

if (values.help) console.log(HELP);
else if (values.docs) await writeReliabilityPage();
else
  await longRun(wholeNumber('--minutes', values.minutes, MINUTES_MAX), wholeNumber('--seed', values.seed, 2 ** 32 - 1));

async function longRun(minutes: number, seed: number): Promise<void> {
  await buildIfChanged(REPOSITORY);
  console.log(`fault run: ${minutes} min, seed ${seed}`);
  const evidenceDir = join(REPOSITORY, 'test-results', `faults-${seed}`);
  let evidence = 0;
  const options: FaultRunOptions = {
    seed,
    durationMs: minutes * 60_000,
    leaseMs: 2_000,
    faultMs: [500, 8_000],
    calmMs: [1_000, 6_000],
    log: timestamped(),
    onProgress: every(PROGRESS_INTERVAL_MS, (progress) => options.log(progressLine(progress))),
    onViolation: (_, text) => {
      evidence += 1;
      if (evidence <= EVIDENCE_MAX) void keep(evidenceDir, `violation-${evidence}.json`, text);
    },
    evidenceDir,
  };
  const start = runStart();
  const result = await runFaults(options);
  const report = reportOf(result, options, start);
  console.log(JSON.stringify(report, null, 2));
  if (values.report) {
    console.log(`report: docs/reports/${await writeReport(report)}.md`);
    await writeReliabilityPage();
  }
  if (report.staleAccepts + report.wrongRefusals === 0) return;
  console.error(`VIOLATIONS: see ${join('test-results', `faults-${seed}`)}`);
  process.exitCode = 1;
}

function progressLine({ verdict, changes, injected }: FaultRunProgress): string {
  const count = (rule: string): number => verdict.violations.filter((violation) => violation.rule === rule).length;
  const faults = [...injected.values()].reduce((total, each) => total + each, 0);
  return [
    `${verdict.hadToBeRefused + verdict.hadToBeAccepted} requests checked`,
    `${changes.filter(({ outcome }) => outcome === 'returned').length} receipts`,
    `${faults} faults`,
    `${count('stale-accept')} stale accepts`,
    `${count('wrong-refusal')} wrong refusals`,
  ].join(', ');
}

function timestamped(): (line: string) => void {
  const beganMs = performance.now();
  return (line) => console.log(`${((performance.now() - beganMs) / 1_000).toFixed(1).padStart(7)} s  ${line}`);
}

function every<T>(intervalMs: number, run: (value: T) => void): (value: T) => void {
  let lastMs = performance.now();
  return (value) => {
    if (performance.now() - lastMs < intervalMs) return;
    lastMs = performance.now();
    run(value);
  };
}

async function keep(folder: string, name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), text);
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`${option} must be a whole number from 1 to ${max}`);
}
