import { setTimeout as sleep } from 'node:timers/promises';
import { type ManagedProcess, startNodeApp, waitUntilReady } from '../../scripts/stack/processes.ts';

export interface AppOptions {
  name: string;
  /** The built entry file. */
  script: string;
  cwd: string;
  env: Record<string, string>;
  logFile: string;
  readyUrl: string;
}

const RESTART_PAUSE_MS = 500;
const RESTARTS_MAX = 1_000;
const READY_TIMEOUT_MS = 60_000;

/** A gateway or token-service that is started again when it ends, as every production supervisor does. */
export class SupervisedApp {
  readonly name: string;
  /** How often it ended by itself. */
  unexpectedExits = 0;
  readonly #options: AppOptions;
  #process: ManagedProcess | undefined;
  #wanted = false;
  #supervision: Promise<void> | undefined;
  #frozen = false;

  constructor(options: AppOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Starts it, and waits until it is ready. */
  async start(): Promise<void> {
    await this.#launch();
    this.#wanted = true;
    this.#supervision = this.#supervise();
    await this.untilReady();
  }

  async untilReady(timeoutMs: number = READY_TIMEOUT_MS): Promise<void> {
    for (const deadlineMs = performance.now() + timeoutMs; ;) {
      const leftMs = Math.max(1, deadlineMs - performance.now());
      const ready = await waitUntilReady(this.#process!, this.#options.readyUrl, leftMs).then(
        () => undefined,
        (error: Error) => error,
      );
      if (!ready) return;
      // One that ended is started again, and may do better.
      if (performance.now() >= deadlineMs) throw ready;
      await sleep(RESTART_PAUSE_MS);
    }
  }

  freeze(): void {
    this.#frozen = true;
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#frozen = false;
    this.#process?.kill('SIGCONT');
  }

  /** kill -9. It stays down until {@link revive}. */
  async kill(): Promise<void> {
    this.#wanted = false;
    this.#frozen = false;
    this.#process?.kill('SIGKILL');
    await this.#supervision;
  }

  /** Starts it again after a kill, without waiting until it is ready. */
  async revive(): Promise<void> {
    await this.#launch();
    this.#wanted = true;
    this.#supervision = this.#supervise();
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    if (this.#frozen) this.thaw();
    await this.#process?.stop();
    await this.#supervision;
  }

  async #launch(): Promise<void> {
    const { name, script, cwd, env, logFile } = this.#options;
    this.#process = await startNodeApp(script, {
      name,
      cwd,
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
      log: logFile,
      stopTimeoutMs: 15_000,
    });
  }

  async #supervise(): Promise<void> {
    for (let restarts = 0; restarts < RESTARTS_MAX; restarts += 1) {
      await this.#process?.exited;
      if (!this.#wanted) return;
      this.unexpectedExits += 1;
      await sleep(RESTART_PAUSE_MS);
      if (!this.#wanted) return;
      await this.#launch();
      if (!this.#wanted) this.#process?.kill(); // it was killed meanwhile
    }
  }
}
