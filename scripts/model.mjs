// The entry of `npm run model`: checks the Promela models in docs/models with spin, and that each near miss fails.
//   --jobs N   searches at a time (2); each takes up to 1.5 GB
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const MODELS = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'models');
const DEPTH_MAX = 1_000_000;
const MEMORY_MB_MAX = 1_500;
const STEP_MS_MAX = 300_000;
const run = promisify(execFile);
const stop = new AbortController();

/**
 * @typedef {{ model: string, name: string, flags: string[], expected: 'no violation' | 'stale accept' | 'wrong refusal' }} Check
 * @typedef {{ check: Check, states: number, seconds: number, found: string, isAsExpected: boolean }} Outcome
 */

/** @type {(name: string, flags: string[]) => Check} */
const holds = (name, flags) => ({ model: 'access-ledger', name, flags, expected: 'no violation' });
const NO_ENDS = ['-DENDS=0', '-DSWEEPER=0', '-DDELAYED=0'];
const ONLY_ENDS = ['-DFEED=0', '-DSNAPSHOTS=0', '-DDELAYED=0'];
/** @type {(name: string, flags: string[]) => Check} */
const admitsStale = (name, flags) => ({
  model: 'access-ledger',
  name,
  flags: [`-D${name}`, '-DREFUSALS=0', ...flags],
  expected: 'stale accept',
});
/** @type {(name: string) => Check} */
const refusesWrongly = (name) => ({
  model: 'access-ledger',
  name,
  flags: [`-D${name}`, ...NO_ENDS],
  expected: 'wrong refusal',
});
/** @type {(name: string) => Check} */
const introspectsStale = (name) => ({
  model: 'introspection',
  name,
  flags: [`-D${name}`, '-DREFUSALS=0'],
  expected: 'stale accept',
});

/** The long searches first, so that the short ones fill up the time beside them. @type {Check[]} */
const CHECKS = [
  holds('all of it, 2 changes', ['-DCHANGES=2']),
  holds('kill, shutdown, sweeper, late renewals, missing keys; 3 changes', ['-DFEED=0', '-DSNAPSHOTS=0', '-DKEYS=1']),
  holds('change feed, dropped entries, snapshots, missing keys; 3 changes', [...NO_ENDS, '-DKEYS=1']),
  holds('leases never granted are waited for as well (WAITUNGRANTED)', ['-DWAITUNGRANTED', '-DSNAPSHOTS=0', '-DSWEEPER=0']), // prettier-ignore
  holds('PORTCULLIS_WHEN_STALE=allow (ALLOW)', ['-DALLOW', '-DREFUSALS=0', ...NO_ENDS]),
  { model: 'introspection', name: 'revoke, restore, and so on for ever', flags: [], expected: 'no violation' },
  admitsStale('READFIRST', NO_ENDS),
  admitsStale('FROMRECV', NO_ENDS),
  admitsStale('BEFORE', NO_ENDS),
  admitsStale('BLINDFENCE', ONLY_ENDS),
  admitsStale('TWOSTATEMENTS', NO_ENDS),
  introspectsStale('SHAREDINTROSPECTION'),
  refusesWrongly('NOCOMPACTEDSEQ'),
  admitsStale('BLINDSWEEP', ONLY_ENDS),
  refusesWrongly('SEQFIRST'),
  admitsStale('PARTIALDELTA', NO_ENDS),
  admitsStale('EXTENDFIRST', NO_ENDS),
  admitsStale('SHORTWAIT', NO_ENDS),
  admitsStale('ACKRECEIVED', [...NO_ENDS, '-DSNAPSHOTS=0']),
  admitsStale('SKIPGAP', [...NO_ENDS, '-DSNAPSHOTS=0']),
  admitsStale('REPLAY', [...NO_ENDS, '-DSNAPSHOTS=0']),
  admitsStale('OPENSNAPSHOT', ['-DOLDERSNAPSHOT', ...NO_ENDS]),
  admitsStale('OLDERSNAPSHOT', ['-DALLOW', ...NO_ENDS]),
  admitsStale('RELEASEFIRST', ONLY_ENDS),
  introspectsStale('KEPTINTROSPECTION'),
  introspectsStale('ASKEDBEFORE'),
  introspectsStale('STANDBY'),
];

/** @param {string} program */
function isInstalled(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** Debian's spin and gcc; anywhere else, or without the rights, one line says what is missing. */
function findTools() {
  const missing = ['spin', 'gcc'].filter((program) => !isInstalled(program));
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && isInstalled('apt-get')) {
    console.log(`installing ${missing.join(' and ')} ...`);
    const install = () => spawnSync('apt-get', ['install', '-y', '-q', ...missing], { stdio: 'ignore' }).status === 0;
    if (install()) return;
    spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
    if (install()) return;
  }
  throw new Error(
    `The models are checked with ${missing.join(' and ')}: install it (Debian: apt-get install spin gcc)`,
  );
}

/**
 * @param {Check} check
 * @param {string} folder
 * @returns {Promise<Outcome>}
 */
async function carryOut(check, folder) {
  mkdirSync(folder);
  const options = { cwd: folder, timeout: STEP_MS_MAX, maxBuffer: 64 * 1024 * 1024, signal: stop.signal };
  await run('spin', ['-a', ...check.flags, join(MODELS, `${check.model}.pml`)], options);
  const optimise = check.expected === 'no violation' ? '-O2' : '-O0';
  await run('gcc', [optimise, '-w', '-DSAFETY', `-DMEMLIM=${MEMORY_MB_MAX}`, '-o', 'pan', 'pan.c'], options);
  const startedMs = performance.now();
  const { stdout } = await run('nice', ['./pan', '-E', `-m${DEPTH_MAX}`], options);
  rmSync(folder, { recursive: true, force: true });
  const found = findingOf(stdout);
  return {
    check,
    states: Number(/^\s*(\S+) states, stored/m.exec(stdout)?.[1]),
    seconds: (performance.now() - startedMs) / 1000,
    found,
    isAsExpected: found === check.expected,
  };
}

/** @param {string} output of pan: nothing counts as "no violation" that was not searched to the end */
function findingOf(output) {
  if (/assertion violated\s+!\(\w*mustRefuse\)/i.test(output)) return 'stale accept';
  if (/assertion violated\s+!\(\w*mustAdmit\)/i.test(output)) return 'wrong refusal';
  if (/too small|memory bound|out of memory|not completed|aborting/i.test(output)) return 'not searched to the end';
  return /errors: 0$/m.test(output) ? 'no violation' : 'another error';
}

/**
 * @param {string} folder
 * @param {number} jobs
 */
async function carryOutAll(folder, jobs) {
  /** @type {Outcome[]} */
  const outcomes = [];
  const waiting = CHECKS.entries();
  const work = async () => {
    for (const [index, check] of waiting) {
      outcomes[index] = await carryOut(check, join(folder, String(index)));
      process.stderr.write('.');
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  process.stderr.write('\n');
  return outcomes;
}

/** @param {Outcome[]} outcomes */
function print(outcomes) {
  console.log('| Model | Checked | States | Seconds | Found | |');
  console.log('| --- | --- | --: | --: | --- | --- |');
  for (const { check, states, seconds, found, isAsExpected } of outcomes) {
    const count = states.toLocaleString('en');
    const verdict = isAsExpected ? 'as expected' : `EXPECTED: ${check.expected}`;
    console.log(`| ${check.model} | ${check.name} | ${count} | ${seconds.toFixed(1)} | ${found} | ${verdict} |`);
  }
}

const { jobs } = parseArgs({ options: { jobs: { type: 'string', default: '2' } } }).values;
const folder = mkdtempSync(join(tmpdir(), 'portcullis-model-'));
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.once(signal, () => stop.abort());
}
try {
  findTools();
  const startedMs = performance.now();
  const outcomes = await carryOutAll(folder, Math.max(1, Number(jobs) || 1));
  print(outcomes);
  const wrong = outcomes.filter((outcome) => !outcome.isAsExpected).length;
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(`\n${outcomes.length} searches in ${seconds} s, ${wrong} not as expected`);
  process.exitCode = wrong === 0 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
