import { setTimeout as sleep } from 'node:timers/promises';
import { type Heal, inject } from './fault-injection.ts';
import { describeFault, type Fault, type FaultKind, type Phase } from './fault-plan.ts';
import type { FaultyTime } from './statistics.ts';
import type { System } from './system.ts';

/** How long the system may take to be whole again after the last fault of a phase was healed. */
const RECOVERY_TIMEOUT_MS = 90_000;
const INJECTION_TIMEOUT_MS = 60_000;

/** Injects faults phase by phase, and waits after each until the system is whole again, by itself. */
export class FaultCampaign {
  readonly injected = new Map<FaultKind, number>();
  /** From the injection until the system was whole again. */
  readonly faultyTimes: FaultyTime[] = [];
  slowestRecoveryMs = 0;
  mixtures = 0;
  readonly #system: System;
  readonly #log: (line: string) => void;

  constructor(system: System, log: (line: string) => void) {
    this.#system = system;
    this.#log = log;
  }

  /** @throws when the system doesn't come back */
  async run({ faults, calmMs }: Phase): Promise<void> {
    const time: FaultyTime = { beginMs: performance.now(), endMs: Infinity };
    this.faultyTimes.push(time);
    if (faults.length > 1) this.mixtures += 1;
    await Promise.all(faults.map((fault) => this.#endure(fault)));
    await this.#recover(faults);
    time.endMs = performance.now();
    await sleep(calmMs);
  }

  async #endure(fault: Fault): Promise<void> {
    await sleep(fault.startsAfterMs);
    const heal: Heal = await bounded(`to inject: ${fault.kind}`, inject(this.#system, fault));
    this.#log(describeFault(fault));
    this.injected.set(fault.kind, (this.injected.get(fault.kind) ?? 0) + 1);
    await sleep(fault.lastsMs);
    await bounded(`to heal: ${fault.kind}`, heal());
  }

  async #recover(faults: readonly Fault[]): Promise<void> {
    const healedMs = performance.now();
    try {
      await Promise.all(this.#system.apps.map((app) => app.untilReady(RECOVERY_TIMEOUT_MS)));
    } catch (error) {
      const after = faults.map(describeFault).join(' + ');
      throw new Error(`The system did not come back after: ${after}`, { cause: error });
    }
    this.slowestRecoveryMs = Math.max(this.slowestRecoveryMs, performance.now() - healedMs);
  }
}

async function bounded<T>(what: string, work: Promise<T>): Promise<T> {
  const late = new AbortController();
  const timeout = sleep(INJECTION_TIMEOUT_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`It took more than ${INJECTION_TIMEOUT_MS / 1000} s ${what}`);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    timeout.catch(() => undefined);
    late.abort();
  }
}
