import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { removeRunRecord, writeRunRecord } from './leftovers.ts';
import { logExcerpt } from './log-excerpt.ts';
import { LOG_TAIL_BYTES, type LogFile, openLogFile } from './log-file.ts';
import { startOf } from './process-identity.ts';
import { waitFor } from './wait-for.ts';

export interface ProcessOptions {
  /** Names the process in messages and in its run record. */
  name: string;
  command: string;
  args?: readonly string[];
  /** The whole environment; `process.env` when absent. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** A file to append to, or a function that is handed what the process writes. */
  log: string | ((text: string) => void);
  /** Folder for the run record that lets the next launcher find a leftover; no record when absent. */
  runDir?: string;
  /** The OS user to run as; only root may choose one. */
  user?: { uid: number; gid: number } | undefined;
  stopSignal?: NodeJS.Signals;
  /** What ends it for sure. */
  killSignal?: NodeJS.Signals;
  /** How long it may take to stop before it is killed. */
  stopTimeoutMs?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process ended when it should have run on; the message holds what its log says of it. */
export class ProcessDiedError extends Error {
  override name = 'ProcessDiedError';
}

export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves once, when it has ended, whoever ended it. */
  readonly exited: Promise<Exit>;
  /** Whether `stop` or `kill` was called: an exit after that is no accident. */
  readonly stopRequested: boolean;
  /** How it ended; `undefined` while it runs. */
  readonly exit: Exit | undefined;
  /** Sends the stop signal, then the kill signal when it has not ended in time; resolves when it has. */
  stop(): Promise<void>;
  /** Sends any signal, such as SIGSTOP; SIGKILL by default. */
  kill(signal?: NodeJS.Signals): void;
  /** The last lines of its log, 64 kB at most. */
  logTail(): string;
}

const STOP_TIMEOUT_MS = 20_000;
const KILL_TIMEOUT_MS = 5_000;
const live = new Set<Child>();

// An exit that nobody arranged (an uncaught error, process.exit) must not leave the children behind.
process.on('exit', () => signalAllProcesses('stop'));

/**
 * Starts a program as a child of this process, in a session of its own: a Ctrl-C in the terminal reaches only the
 * launcher, which then stops its children in the right order.
 *
 * @throws when the program can't be started.
 */
export async function startProcess(options: ProcessOptions): Promise<ManagedProcess> {
  const log = typeof options.log === 'string' ? openLogFile(options.log) : undefined;
  const output = log?.descriptor ?? 'pipe';
  const child = spawn(options.command, options.args ?? [], {
    stdio: ['ignore', output, output],
    detached: true,
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.user,
  });
  log?.close();
  const managed = new Child(child, options, log);
  if (child.pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    throw new Error(`${options.name} can't be started: ${error.message}`, { cause: error });
  }
  return managed;
}

/** Starts a Node program under the Node that runs this; `script` is its entry file. See {@link startProcess}. */
export function startNodeApp(
  script: string,
  options: Omit<ProcessOptions, 'command' | 'args'> & { args?: readonly string[] },
): Promise<ManagedProcess> {
  return startProcess({ ...options, command: process.execPath, args: [script, ...(options.args ?? [])] });
}

/**
 * Waits until a URL answers 200.
 *
 * @throws ProcessDiedError when the process ends before; an Error with an excerpt of its log when the time is over.
 */
export async function waitUntilReady(child: ManagedProcess, url: string, timeoutMs = 60_000): Promise<void> {
  try {
    await waitFor(`${child.name} to answer 200 on ${url}`, () => isReady(child, url), { timeoutMs, intervalMs: 50 });
  } catch (error) {
    if (error instanceof ProcessDiedError) throw error;
    throw new Error(`${(error as Error).message}\n${indent(logExcerpt(child.logTail()))}`, { cause: error });
  }
}

/** @returns the error that tells of a process's unexpected end, with what its log says of it. */
export function processDied({ name, exit, logTail }: Pick<ManagedProcess, 'name' | 'exit' | 'logTail'>) {
  const how = exit?.signal ? `killed by ${exit.signal}` : `exit code ${exit?.code ?? 'unknown'}`;
  return new ProcessDiedError(`${name} ended (${how}); from its log:\n${indent(logExcerpt(logTail()))}`);
}

/** Signals every child that still runs, without waiting: each its stop signal or its kill signal. */
export function signalAllProcesses(which: 'stop' | 'kill'): void {
  for (const child of live) child.kill(which === 'stop' ? child.stopSignal : child.killSignal);
}

async function isReady(child: ManagedProcess, url: string): Promise<boolean> {
  if (child.exit) throw processDied(child);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

class Child implements ManagedProcess {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly stopSignal: NodeJS.Signals;
  readonly killSignal: NodeJS.Signals;
  readonly logTail: () => string;
  stopRequested = false;
  exit: Exit | undefined;
  readonly #child: ChildProcess;
  readonly #stopTimeoutMs: number;

  constructor(child: ChildProcess, options: ProcessOptions, log: LogFile | undefined) {
    this.#child = child;
    this.name = options.name;
    this.pid = child.pid ?? 0;
    this.stopSignal = options.stopSignal ?? 'SIGTERM';
    this.killSignal = options.killSignal ?? 'SIGKILL';
    this.#stopTimeoutMs = options.stopTimeoutMs ?? STOP_TIMEOUT_MS;
    this.logTail = log?.tail ?? keepTail(child, options.log as (text: string) => void);
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    if (child.pid !== undefined) this.#track(options.runDir);
  }

  async stop(): Promise<void> {
    this.kill(this.stopSignal);
    const steps: [NodeJS.Signals, number][] = [
      [this.killSignal, this.#stopTimeoutMs],
      ['SIGKILL', KILL_TIMEOUT_MS],
    ];
    for (const [signal, timeoutMs] of steps) {
      if (await this.#endsWithin(timeoutMs)) return;
      this.kill(signal);
    }
    if (!(await this.#endsWithin(KILL_TIMEOUT_MS))) throw new Error(`${this.name} (pid ${this.pid}) can't be killed`);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') this.stopRequested = true;
    if (!this.exit) this.#child.kill(signal);
  }

  #track(runDir: string | undefined): void {
    const { name, pid, stopSignal } = this;
    const identity = { pid, start: startOf(pid) ?? '' };
    live.add(this);
    if (runDir) writeRunRecord(runDir, { ...identity, name, stopSignal, startedAtMs: Date.now() });
    // Registered in the tick of the spawn, so no exit can come before it.
    this.#child.once('exit', (code, signal) => {
      this.exit = { code, signal };
      live.delete(this);
      if (runDir) removeRunRecord(runDir, name, identity);
    });
  }

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    const timer = Promise.withResolvers<false>();
    const handle = setTimeout(timer.resolve, timeoutMs, false);
    try {
      return await Promise.race([this.exited.then(() => true), timer.promise]);
    } finally {
      clearTimeout(handle);
    }
  }
}

function keepTail(child: ChildProcess, sink: (text: string) => void): () => string {
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-LOG_TAIL_BYTES);
      sink(text);
    });
  }
  return () => tail.trimEnd();
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
