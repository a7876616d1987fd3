import { setTimeout as sleep } from 'node:timers/promises';
import { checkHistory, describeViolation, sumOfVerdicts, type Verdict, type Violation } from './checker.ts';
import { GatewayClients, PROBE_TIMEOUT_MS } from './clients.ts';
import { Controller } from './controller.ts';
import { FaultCampaign } from './fault-campaign.ts';
import { FAULT_KINDS, type FaultKind, type Phase, planFaults } from './fault-plan.ts';
import type { Change, SubjectHistory } from './history.ts';
import { SeededRandom } from './random.ts';
import type { FaultyTime } from './statistics.ts';
import { Stage, type Subject } from './subject.ts';
import { System, type SystemOptions } from './system.ts';
import { Upstream } from './upstream.ts';

export interface FaultRunOptions {
  seed: number;
  durationMs: number;
  leaseMs: number;
  faultMs: readonly [min: number, max: number];
  calmMs: readonly [min: number, max: number];
  log: (line: string) => void;
  /** Is told of each violation when it is found. */
  onViolation?: (violation: Violation, evidence: string) => void;
  /** Is told every other second how far it has come. */
  onProgress?: (progress: FaultRunProgress) => void;
  /** Where the parts' logs go when something went wrong; they are thrown away when absent. */
  evidenceDir?: string;
  /** {@link TOPOLOGY} when absent. */
  topology?: Pick<SystemOptions, 'gateways' | 'tokenServices' | 'natsNodes'>;
  gatewayEnv?: Record<string, string>;
  /** How long there are no faults at the beginning and at the end. */
  quietMs?: number;
  /** In place of the plan that the seed stands for: these phases, and then the end. */
  phases?: readonly Phase[];
}

/** A change without what is only of use for checking. */
export interface TimedChange extends Pick<Change, 'direction' | 'outcome' | 'beginMs' | 'endMs' | 'status'> {
  /** From the commit to the receipt, as the receipt says. */
  barrierMs: number | undefined;
}

export interface FaultRunProgress {
  verdict: Verdict;
  changes: readonly TimedChange[];
  injected: ReadonlyMap<FaultKind, number>;
}

export interface FaultRunResult extends FaultRunProgress {
  durationMs: number;
  mixtures: number;
  faultyTimes: FaultyTime[];
  slowestRecoveryMs: number;
  /** How often gateways and token-services ended by themselves. */
  unexpectedExits: Record<string, number>;
}

export const TOPOLOGY = { gateways: 3, tokenServices: 2, natsNodes: 3 } as const;
const CONTROLLERS = 4;
const QUIET_MS = 3_000;
/** When a subject is checked after its last request began, all of its requests have come to an end. */
const SETTLED_MS = PROBE_TIMEOUT_MS + 4_000;
const CHECK_INTERVAL_MS = 2_000;
/** The first round of the plan, one fault of each kind, is finished even when the time is over. */
const PHASES_MIN = FAULT_KINDS.length + 1;

/** Starts the system, works on it under faults for a while, and checks everything that was seen. */
export async function runFaults(options: FaultRunOptions): Promise<FaultRunResult> {
  const stage = new Stage();
  const upstream = await Upstream.start((probeId, atMs) => stage.arrived(probeId, atMs));
  let system: System | undefined;
  try {
    const { leaseMs, topology = TOPOLOGY, gatewayEnv = {} } = options;
    system = await System.start({ ...topology, leaseMs, gatewayEnv, upstreamUrl: upstream.url });
    const result = await new FaultRun(options, system, stage).run();
    if (result.verdict.violations.length > 0) await keepEvidence(system, options);
    return result;
  } catch (error) {
    await keepEvidence(system, options);
    throw error;
  } finally {
    await system?.stop();
    await upstream.stop();
  }
}

async function keepEvidence(system: System | undefined, { evidenceDir }: FaultRunOptions): Promise<void> {
  if (evidenceDir !== undefined) await system?.keepLogs(evidenceDir);
}

class FaultRun {
  readonly #options: FaultRunOptions;
  readonly #system: System;
  readonly #stage: Stage;
  readonly #campaign: FaultCampaign;
  readonly #clients: GatewayClients[];
  readonly #controllers: Controller[];
  readonly #changes: TimedChange[] = [];
  #verdict: Verdict = sumOfVerdicts([]);
  readonly #retired: { subject: Subject; atMs: number }[] = [];

  constructor(options: FaultRunOptions, system: System, stage: Stage) {
    this.#options = options;
    this.#system = system;
    this.#stage = stage;
    this.#campaign = new FaultCampaign(system, options.log);
    const { seed } = options;
    this.#clients = system.gateways.map(
      ({ name }, i) => new GatewayClients(name, system.gatewayUrls[i]!, stage, seed + 100 + i),
    );
    this.#controllers = Array.from({ length: CONTROLLERS }, (_, i) => this.#controller(`c${i + 1}`, seed + 200 + i));
  }

  async run(): Promise<FaultRunResult> {
    const beganMs = performance.now();
    const working = this.#controllers.map((controller) => controller.run());
    for (const clients of this.#clients) clients.start();
    const checking = setInterval(() => this.#check(SETTLED_MS), CHECK_INTERVAL_MS);
    const { durationMs, quietMs = QUIET_MS } = this.#options;
    try {
      await sleep(quietMs);
      await this.#injectFaults(beganMs + durationMs - quietMs);
      await sleep(quietMs);
    } finally {
      clearInterval(checking);
      for (const controller of this.#controllers) controller.stop();
      await Promise.all(working);
      await Promise.all(this.#clients.map((clients) => clients.stop()));
    }
    this.#check(0);
    return this.#result(performance.now() - beganMs);
  }

  async #injectFaults(untilMs: number): Promise<void> {
    const { seed, faultMs, calmMs, phases } = this.#options;
    if (phases) {
      for (const phase of phases) await this.#campaign.run(phase);
      return;
    }
    const plan = planFaults(new SeededRandom(seed), {
      gateways: this.#system.gateways.map(({ name }) => name),
      tokenServices: this.#system.tokenServices.map(({ name }) => name),
      natsNodes: this.#system.nats.names,
      natsRoutes: this.#system.nats.routes.map(({ name }) => name),
      links: this.#system.links,
      faultMs,
      calmMs,
    });
    for (let phase = 1; performance.now() < untilMs || phase <= PHASES_MIN; phase += 1) {
      await this.#campaign.run(plan.next().value);
    }
  }

  #controller(name: string, seed: number): Controller {
    return new Controller({
      name,
      seed,
      stage: this.#stage,
      clients: this.#clients,
      tokenServiceUrls: this.#system.tokenServiceUrls,
      adminToken: this.#system.adminToken,
      onChange: ({ direction, outcome, beginMs, endMs, status, receipt }) =>
        void this.#changes.push({ direction, outcome, beginMs, endMs, status, barrierMs: receipt?.elapsed_ms }),
      onRetired: (subject) => void this.#retired.push({ subject, atMs: performance.now() }),
    });
  }

  /** Checks the subjects that nobody has used for `settledMs`, and forgets them. */
  #check(settledMs: number): void {
    const beforeMs = performance.now() - settledMs;
    while (this.#retired[0] && this.#retired[0].atMs <= beforeMs) {
      const history = this.#stage.close(this.#retired.shift()!.subject);
      const verdict = checkHistory(history);
      for (const violation of verdict.violations) this.#report(violation, history);
      this.#verdict = sumOfVerdicts([this.#verdict, verdict]);
    }
    this.#options.onProgress?.(this.#progress());
  }

  #progress(): FaultRunProgress {
    return { verdict: this.#verdict, changes: this.#changes, injected: this.#campaign.injected };
  }

  #report(violation: Violation, history: SubjectHistory): void {
    this.#options.log(`VIOLATION: ${violation.rule} at ${violation.probe.gateway}, subject ${violation.subject}`);
    this.#options.onViolation?.(violation, describeViolation(violation, history));
  }

  #result(durationMs: number): FaultRunResult {
    const { mixtures, faultyTimes, slowestRecoveryMs } = this.#campaign;
    return {
      ...this.#progress(),
      durationMs,
      mixtures,
      faultyTimes,
      slowestRecoveryMs,
      unexpectedExits: Object.fromEntries(
        this.#system.apps.map(({ name, unexpectedExits }) => [name, unexpectedExits]),
      ),
    };
  }
}
