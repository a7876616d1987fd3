import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts';
import { waitFor } from './wait-for.ts';

/** What a launcher leaves on disk of a child, so that the next launcher finds it after a kill -9 of the first. */
export interface RunRecord extends ProcessIdentity {
  name: string;
  stopSignal: NodeJS.Signals;
  startedAtMs: number;
}

const GRACE_MS = 10_000;
const KILL_MS = 5_000;

/** Writes `<runDir>/<name>.json`. Synchronous, so that hardly a moment lies between a spawn and its record. */
export function writeRunRecord(runDir: string, record: RunRecord): void {
  mkdirSync(runDir, { recursive: true });
  const path = recordPath(runDir, record.name);
  writeFileSync(`${path}.tmp`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** Forgets a child that has ended, unless the record is of another process by now. */
export function removeRunRecord(runDir: string, name: string, identity: ProcessIdentity): void {
  const record = readRunRecord(runDir, name);
  if (record?.pid === identity.pid && record.start === identity.start)
    rmSync(recordPath(runDir, name), { force: true });
}

/**
 * Stops what a killed launcher left running, last started first: each gets its stop signal, and SIGKILL after the grace.
 * A process is only touched when its pid and its start are the recorded ones.
 *
 * @param name only this one; all when absent.
 * @returns the names of those that were stopped.
 */
export async function stopLeftovers(runDir: string, name?: string, graceMs: number = GRACE_MS): Promise<string[]> {
  const stopped: string[] = [];
  const records = (name === undefined ? recordedNames(runDir) : [name])
    .map((each) => readRunRecord(runDir, each))
    .filter((record) => record !== undefined)
    .toSorted((a, b) => b.startedAtMs - a.startedAtMs);
  for (const record of records) {
    if (await endProcess(record, record.stopSignal, graceMs)) stopped.push(record.name);
    rmSync(recordPath(runDir, record.name), { force: true });
  }
  return stopped;
}

/**
 * Ends one process that is not a child of ours: the signal, and SIGKILL when it has not ended within the grace.
 *
 * @returns whether it was running.
 * @throws when it survives SIGKILL for 5 s.
 */
export async function endProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  graceMs: number = GRACE_MS,
): Promise<boolean> {
  if (!isRunning(identity)) return false;
  signalProcess(identity, signal);
  const ended = (timeoutMs: number) =>
    waitFor(`process ${identity.pid} to end`, () => !isRunning(identity), { timeoutMs });
  try {
    await ended(graceMs);
  } catch {
    signalProcess(identity, 'SIGKILL');
    await ended(KILL_MS);
  }
  return true;
}

function recordedNames(runDir: string): string[] {
  try {
    return readdirSync(runDir)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length));
  } catch {
    return [];
  }
}

function readRunRecord(runDir: string, name: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(runDir, name), 'utf8')) as RunRecord;
  } catch {
    return undefined;
  }
}

function recordPath(runDir: string, name: string): string {
  return join(runDir, `${name}.json`);
}
