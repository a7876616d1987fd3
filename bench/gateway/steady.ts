import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, residentMb } from '../measuring/cpu-time.ts';
import { formatMs, median } from '../measuring/distribution.ts';
import { Load } from '../measuring/load.ts';

export interface SteadyTarget {
  name: string;
  url: string;
}

interface Sample {
  p50Ms: number;
  p99Ms: number;
}

/** A fixed number of requests a second, to each target in turn; the first is what the others stand in front of. */
export async function measureAddedLatency(
  targets: readonly SteadyTarget[],
  load: { token: string; path: string; requestsPerSecond: number },
  seconds: number,
  rounds: number,
): Promise<string[]> {
  const samples = new Map<SteadyTarget, Sample[]>(targets.map((target) => [target, []]));
  for (const target of targets) await run(target, load, seconds); // code that has not run often is slow
  for (let round = 0; round < rounds; round++) {
    for (const [target, taken] of samples) taken.push(await run(target, load, seconds));
  }
  const direct = samples.get(targets[0]!)!;
  const lines = [...samples].map(([{ name }, taken]) => {
    const of = (pick: (sample: Sample) => number): string => formatMs(median(taken.map(pick)));
    const added = (pick: (sample: Sample) => number): string =>
      formatMs(median(taken.map((sample, round) => pick(sample) - pick(direct[round]!))));
    const cells = [of(p50), of(p99), added(p50), added(p99)];
    return `${name.padEnd(38)}${cells.map((cell) => cell.padStart(12)).join('')}`;
  });
  const head = ['p50', 'p99', 'p50 added', 'p99 added'].map((name) => name.padStart(12)).join('');
  return [`\n${load.requestsPerSecond} requests a second`, ''.padEnd(38) + head, ...lines];
}

/** What a gateway holds and uses while requests flow, minute by minute. */
export async function measureMemory(
  gateway: SteadyTarget & { pid: number },
  load: { token: string; path: string; requestsPerSecond: number },
  minutes: number,
): Promise<string[]> {
  const running = await Load.start({ urls: [gateway.url], ...load });
  const lines = [`\nresident memory at ${load.requestsPerSecond} requests a second`];
  for (let minute = 0; minute <= minutes; minute++) {
    if (minute > 0) await sleep(60_000);
    lines.push(
      `after ${minute} min: ${residentMb(gateway.pid).toFixed(0)} MB, ${cpuSeconds(gateway.pid).toFixed(1)} s of CPU`,
    );
    console.error(lines.at(-1));
  }
  const { sent, failed } = await running.stop();
  return [...lines, `${sent} requests, ${failed} not answered 200`];
}

async function run(
  { url, name }: SteadyTarget,
  load: { token: string; path: string; requestsPerSecond: number },
  seconds: number,
): Promise<Sample> {
  const running = await Load.start({ urls: [url], ...load });
  await sleep(seconds * 1_000);
  const { failed, latency } = await running.stop();
  if (failed > 0 || !latency) throw new Error(`${name}: ${failed} requests failed`);
  return { p50Ms: latency.median, p99Ms: latency.p99 };
}

const p50 = ({ p50Ms }: Sample): number => p50Ms;
const p99 = ({ p99Ms }: Sample): number => p99Ms;
