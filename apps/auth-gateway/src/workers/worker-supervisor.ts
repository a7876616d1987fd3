import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';

const RESTART_DELAY_MS = 1_000;

interface SupervisorLog {
  info(message: string): void;
  error(message: string): void;
}

/**
 * Runs this program again, several times: processes that share the port and hold a lease each. One that ends is replaced; the
 * others take its connections meanwhile. Those that can't even start end the gateway.
 */
export class WorkerSupervisor {
  /** By index; one that has ended is there until it is replaced. */
  readonly #workers: Worker[] = [];
  /** Indexes that have listened once: the settings are good, so whatever ends them later may be over by then. */
  readonly #haveListened = new Set<number>();
  #stopping = false;

  constructor(
    private readonly count: number,
    private readonly log: SupervisorLog,
    private readonly exit: (code: number) => void = (code) => process.exit(code),
  ) {}

  start(): void {
    for (let index = 0; index < this.count; index++) this.#fork(index);
  }

  /** Asks the workers to end, which drain and release their leases first; the process ends with the last of them. */
  stop(code = 0): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const alive = this.#workers.filter((worker) => !worker.isDead());
    if (alive.length === 0) return this.exit(code);
    let left = alive.length;
    for (const worker of alive) {
      worker.once('exit', () => {
        left -= 1;
        if (left === 0) this.exit(code);
      });
      worker.process.kill('SIGTERM');
    }
  }

  #fork(index: number): void {
    const worker = cluster.fork({ PORTCULLIS_WORKER: String(index) });
    this.#workers[index] = worker;
    worker.once('listening', () => this.#haveListened.add(index));
    worker.once('exit', (code, signal) => void this.#ended(index, signal || `exit code ${code}`));
  }

  async #ended(index: number, how: string): Promise<void> {
    if (this.#stopping) return;
    if (!this.#haveListened.has(index)) {
      this.log.error(`worker ${index} could not start (${how}): the gateway ends`);
      return this.stop(1);
    }
    this.log.error(`worker ${index} ended (${how}); another one takes its place`);
    await sleep(RESTART_DELAY_MS);
    if (!this.#stopping) this.#fork(index);
  }
}
