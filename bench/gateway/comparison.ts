import { cpuSeconds } from '../measuring/cpu-time.ts';
import { median } from '../measuring/distribution.ts';
import { runWrk, type WrkResult, type WrkRun } from '../measuring/wrk.ts';
import type { Contender } from './contenders/contender.ts';

/** What the contenders are put to. */
export interface Trial {
  name: string;
  /** The first is what the others are compared with. */
  contenders: readonly Contender[];
  load: Omit<WrkRun, 'url' | 'seconds'> & { path: string };
  /** Every answer is to be a refusal. */
  refused?: boolean;
  /** Requests of each contender before it counts. */
  warmUpRequests?: number;
}

interface Sample extends WrkResult {
  microsecondsPerRequest: number;
}

const WARM_UP_SECONDS = 1;
const WARM_UP_REQUESTS = 1_000;

/** Puts the contenders to it in turn, several times, so that what else the machine does falls on all of them. */
export async function compare(trial: Trial, seconds: number, rounds: number): Promise<string[]> {
  const samples = new Map<Contender, Sample[]>(trial.contenders.map((contender) => [contender, []]));
  for (const contender of trial.contenders) await warmUp(trial, contender);
  for (let round = 0; round < rounds; round++) {
    for (const [contender, taken] of samples) taken.push(await run(trial, contender, seconds));
  }
  const reference = samples.get(trial.contenders[0]!)!;
  return [`\n${trial.name}`, HEAD, ...[...samples].map(([{ name }, taken]) => line(name, taken, reference))];
}

/** Goes on where it left off, so that each token of a file has its turn: its signature is checked here and not where it counts. */
async function warmUp(trial: Trial, contender: Contender): Promise<void> {
  const wanted = trial.warmUpRequests ?? WARM_UP_REQUESTS;
  const scriptArguments = trial.load.scriptArguments ?? [];
  for (let sent = 0; sent < wanted;) {
    const first = Math.max(0, sent - trial.load.connections); // what was on its way when the run ended
    const goesOn = { ...trial, load: { ...trial.load, scriptArguments: [...scriptArguments, String(first)] } };
    const { requests } = await run(scriptArguments.length > 0 ? goesOn : trial, contender, WARM_UP_SECONDS);
    sent = first + requests;
  }
}

async function run(trial: Trial, contender: Contender, seconds: number): Promise<Sample> {
  const { path, ...load } = trial.load;
  const before = cpuSeconds(contender.pid);
  const result = await runWrk({ ...load, url: contender.url + path, seconds });
  const used = cpuSeconds(contender.pid) - before;
  const unexpected = trial.refused ? result.requests - result.refused : result.refused;
  if (unexpected + result.socketErrors > 0) {
    throw new Error(
      `${trial.name}, ${contender.name}: ${unexpected} answers and ${result.socketErrors} connections went wrong`,
    );
  }
  return { ...result, microsecondsPerRequest: (used * 1e6) / result.requests };
}

const HEAD = `${''.padEnd(38)}${['requests/s', 'p50', 'p99', 'CPU µs', '×'].map((name) => name.padStart(11)).join('')}`;

function line(name: string, taken: readonly Sample[], reference: readonly Sample[]): string {
  const of = (pick: (sample: Sample) => number): number => median(taken.map(pick));
  const ratio = median(
    taken.map((sample, round) => sample.microsecondsPerRequest / reference[round]!.microsecondsPerRequest),
  );
  const cells = [
    of(({ perSecond }) => perSecond).toFixed(0),
    `${of(({ p50Ms }) => p50Ms).toFixed(2)} ms`,
    `${of(({ p99Ms }) => p99Ms).toFixed(2)} ms`,
    of(({ microsecondsPerRequest }) => microsecondsPerRequest).toFixed(1),
    ratio.toFixed(2),
  ];
  return `${name.padEnd(38)}${cells.map((cell) => cell.padStart(11)).join('')}`;
}
