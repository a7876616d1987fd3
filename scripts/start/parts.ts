import { type ManagedProcess, type ProcessDiedError, processDied, signalAllProcesses } from '../stack/processes.ts';

/** The running parts of a stack, in the order they were started; they are stopped in the reverse order. */
export class Parts {
  readonly #groups: ManagedProcess[][] = [];
  readonly #onDeath: (error: ProcessDiedError) => void;
  #stopping = false;

  /** @param onDeath is told when a part ends that was not stopped. */
  constructor(onDeath: (error: ProcessDiedError) => void) {
    this.#onDeath = onDeath;
  }

  /** Takes over processes that may be stopped side by side. */
  add(...group: ManagedProcess[]): void {
    this.#groups.push(group);
    for (const part of group) {
      // The start may still be going on when the user has asked to stop.
      if (this.#stopping) part.kill('SIGTERM');
      void this.#watch(part);
    }
  }

  /** Stops everything, the last group first; what can't be stopped is told at the end. */
  async stopAll(): Promise<void> {
    this.#stopping = true;
    const failures: unknown[] = [];
    for (let group = this.#groups.pop(); group; group = this.#groups.pop()) {
      const results = await Promise.allSettled(group.map((part) => part.stop()));
      failures.push(...results.filter((each) => each.status === 'rejected').map((each) => each.reason));
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'));
  }

  /** Ends everything at once, without waiting. */
  killAll(): void {
    this.#stopping = true;
    signalAllProcesses('kill');
  }

  async #watch(part: ManagedProcess): Promise<void> {
    await part.exited;
    if (!part.stopRequested && !this.#stopping) this.#onDeath(processDied(part));
  }
}
