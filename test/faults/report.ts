import { execFileSync } from 'node:child_process';
import { availableParallelism, platform } from 'node:os';
import { join } from 'node:path';
import type { FaultKind } from './fault-plan.ts';
import type { FaultRunOptions, FaultRunResult, TimedChange } from './fault-run.ts';
import { TOPOLOGY } from './fault-run.ts';
import type { Direction } from './history.ts';
import { type Distribution, distributionOf, isUnderFaults } from './statistics.ts';

/** What a run leaves under docs/reports. Nothing in it depends on where the machine keeps its files. */
export interface FaultReport {
  seed: number;
  commit: string;
  startedAt: string;
  durationSeconds: number;
  machine: string;
  leaseMs: number;
  topology: typeof TOPOLOGY;
  requests: { made: number; hadToBeRefused: number; hadToBeAccepted: number; unanswered: number };
  changes: { returned: number; unconfirmed: number; lost: number };
  staleAccepts: number;
  wrongRefusals: number;
  faults: Partial<Record<FaultKind, number>>;
  mixtures: number;
  slowestRecoverySeconds: number;
  unexpectedExits: Record<string, number>;
  /** Milliseconds from a call's begin to its receipt, as its caller sees it. */
  receiptMs: Record<'taking' | 'giving', Latencies>;
  /** Of that, from the commit on: what the receipt itself says. */
  barrierMs: Record<'taking' | 'giving', Latencies>;
}

export interface RunStart {
  at: Date;
  commit: string;
}

export function runStart(): RunStart {
  return { at: new Date(), commit: commitOf(REPOSITORY) };
}

interface Latencies {
  withoutFaults?: Distribution;
  underFaults?: Distribution;
}

const REPOSITORY = join(import.meta.dirname, '..', '..');

/** @param start taken before the run: others may commit meanwhile */
export function reportOf(result: FaultRunResult, { seed, leaseMs }: FaultRunOptions, start: RunStart): FaultReport {
  const { verdict, changes } = result;
  const violations = (rule: string): number => verdict.violations.filter((violation) => violation.rule === rule).length;
  const outcomes = (outcome: string): number => changes.filter((change) => change.outcome === outcome).length;
  return {
    seed,
    commit: start.commit,
    startedAt: start.at.toISOString().replace(/\.\d+Z$/, 'Z'),
    durationSeconds: Math.round(result.durationMs / 1_000),
    machine: `${availableParallelism()} cores, ${platform()}, Node ${process.versions.node}`,
    leaseMs,
    topology: TOPOLOGY,
    requests: {
      made: verdict.probes,
      hadToBeRefused: verdict.hadToBeRefused,
      hadToBeAccepted: verdict.hadToBeAccepted,
      unanswered: verdict.unanswered,
    },
    changes: { returned: outcomes('returned'), unconfirmed: outcomes('unconfirmed'), lost: outcomes('lost') },
    staleAccepts: violations('stale-accept'),
    wrongRefusals: violations('wrong-refusal'),
    faults: Object.fromEntries([...result.injected].toSorted()),
    mixtures: result.mixtures,
    slowestRecoverySeconds: Math.round(result.slowestRecoveryMs / 100) / 10,
    unexpectedExits: result.unexpectedExits,
    receiptMs: { taking: latencies(result, 'deny', callMs), giving: latencies(result, 'allow', callMs) },
    barrierMs: { taking: latencies(result, 'deny', barrierMs), giving: latencies(result, 'allow', barrierMs) },
  };
}

const callMs = ({ beginMs, endMs }: TimedChange): number => endMs - beginMs;
const barrierMs = (change: TimedChange): number => change.barrierMs ?? 0;

function latencies(
  { changes, faultyTimes }: FaultRunResult,
  direction: Direction,
  measure: (change: TimedChange) => number,
): Latencies {
  const returned = changes.filter(
    (change) => change.direction === direction && change.outcome === 'returned' && change.barrierMs !== undefined,
  );
  const { sound = [], faulty = [] } = Object.groupBy(returned, (change) =>
    isUnderFaults(change, faultyTimes) ? 'faulty' : 'sound',
  );
  const [withoutFaults, underFaults] = [distributionOf(sound.map(measure)), distributionOf(faulty.map(measure))];
  return { ...(withoutFaults && { withoutFaults }), ...(underFaults && { underFaults }) };
}

function commitOf(repository: string): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  try {
    const changed = git('status', '--porcelain', '--', 'apps', 'libs', 'test', 'scripts') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? ' with uncommitted changes' : '');
  } catch {
    return 'unknown';
  }
}
