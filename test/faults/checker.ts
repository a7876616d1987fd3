import { type Change, type Direction, type Probe, type Register, registersOf, type SubjectHistory } from './history.ts';

export interface Violation {
  rule: 'stale-accept' | 'wrong-refusal';
  subject: string;
  probe: Probe;
  /** The returned change that the gateway didn't go by; for a wrong refusal, the latest of those that gave access. */
  change: Change;
}

export interface Verdict {
  violations: Violation[];
  probes: number;
  /** Probes that had to be refused, and those that had to be let in; about the rest the rule says nothing. */
  hadToBeRefused: number;
  hadToBeAccepted: number;
  /** Of those, the ones that got neither: 503, or no answer. */
  unanswered: number;
}

/**
 * Checks one rule over a history: *a request that begins after a revoking call returned, and before the next granting call
 * begins, is never accepted; one that begins after a granting call returned, and before the next revoking call begins, is
 * always accepted by a gateway that is up and was not `pending` in that receipt.* 503 and no answer are neither.
 *
 * A call takes effect at one moment between its begin and its end, and so does the gateway's decision about a request: between
 * the request's begin and its arrival at the upstream (or its answer). So the rule is applied to a request as a whole: a call of
 * the other direction that begins before the decision must have been made may explain it.
 *
 * A call whose answer was lost may still be on its way (in a frozen process, in a connection that is held up) and may take effect
 * at *any* later moment, even after calls that were sent later have returned, so it has no end. From its begin on it may
 * explain whatever agrees with it, and it proves nothing. After a lost revoke nothing may be demanded but this: when a revoke
 * has returned before or returns later, and no grant may come in between, requests are refused: a revoke on its way can't
 * open what is shut. The other way round for a lost grant. After `revocation_unconfirmed` the change is made, so it explains
 * nothing that is decided by a later call that returned; until one has, nothing is demanded.
 */
export function checkHistory({ name, changes, probes }: SubjectHistory): Verdict {
  const byRegister = Map.groupBy(changes, (change) => change.register);
  const verdict: Verdict = {
    violations: [],
    probes: probes.length,
    hadToBeRefused: 0,
    hadToBeAccepted: 0,
    unanswered: 0,
  };
  for (const probe of probes) {
    const registers = registersOf(probe).map((register) => byRegister.get(register) ?? []);
    const shutBy = shutFor(probe, registers);
    const openBy = shutBy ? undefined : openFor(probe, registers);
    if (shutBy) verdict.hadToBeRefused += 1;
    if (openBy) verdict.hadToBeAccepted += 1;
    if ((shutBy || openBy) && !isAccepted(probe) && !isRefused(probe)) verdict.unanswered += 1;
    if (shutBy && isAccepted(probe))
      verdict.violations.push({ rule: 'stale-accept', subject: name, probe, change: shutBy });
    if (openBy && isRefused(probe))
      verdict.violations.push({ rule: 'wrong-refusal', subject: name, probe, change: openBy });
  }
  return verdict;
}

export function sumOfVerdicts(verdicts: readonly Verdict[]): Verdict {
  const sum = (field: 'probes' | 'hadToBeRefused' | 'hadToBeAccepted' | 'unanswered') =>
    verdicts.reduce((total, verdict) => total + verdict[field], 0);
  return {
    violations: verdicts.flatMap((verdict) => verdict.violations),
    probes: sum('probes'),
    hadToBeRefused: sum('hadToBeRefused'),
    hadToBeAccepted: sum('hadToBeAccepted'),
    unanswered: sum('unanswered'),
  };
}

export function isAccepted({ arrivedMs, status }: Probe): boolean {
  return arrivedMs !== undefined || (status >= 200 && status < 300);
}

function isRefused(probe: Probe): boolean {
  return !isAccepted(probe) && (probe.status === 401 || probe.status === 403);
}

/** One register that is shut is enough. @returns the call that shut it */
function shutFor(probe: Probe, registers: readonly (readonly Change[])[]): Change | undefined {
  for (const changes of registers) {
    const shut = settledBy('deny', changes, probe);
    if (shut) return shut;
  }
  return undefined;
}

/** All registers must be open, and the gateway told of each. @returns the call that came last */
function openFor(probe: Probe, registers: readonly (readonly Change[])[]): Change | undefined {
  const opened = registers.map((changes) => settledBy('allow', changes, probe));
  const all = opened.filter((change) => change !== undefined);
  return all.length === opened.length ? all.toSorted((a, b) => b.endMs - a.endMs)[0] : undefined;
}

/**
 * The latest returned change in this direction, when nothing can have gone the other way between it and the decision about the
 * probe. An earlier one would prove no more: fewer calls lie after the latest.
 */
function settledBy(direction: Direction, changes: readonly Change[], probe: Probe): Change | undefined {
  const settled = changes.findLast(
    (change) => change.direction === direction && change.outcome === 'returned' && change.endMs <= probe.beginMs,
  );
  if (!settled || (direction === 'allow' && settled.receipt?.pending?.includes(probe.gateway))) return undefined;
  const decidedMs = Math.min(probe.endMs, probe.arrivedMs ?? Infinity);
  const reversible = changes.some(
    (change) =>
      change.direction !== direction && change.beginMs < decidedMs && latestEffectMs(change) > settled.beginMs,
  );
  return reversible ? undefined : settled;
}

function latestEffectMs({ outcome, endMs }: Change): number {
  return outcome === 'lost' ? Infinity : endMs;
}

/** How a violation reads in a log: the request, and what was done to its registers around it. */
export function describeViolation({ rule, subject, probe, change }: Violation, history: SubjectHistory): string {
  const registers: readonly Register[] = registersOf(probe);
  const around = history.changes.filter(({ register }) => registers.includes(register)).slice(-200);
  return JSON.stringify({ rule, subject, probe, notGoneBy: change, changes: around }, null, 2);
}
