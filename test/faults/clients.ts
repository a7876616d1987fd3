import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeKind } from './history.ts';
import { call } from './http-call.ts';
import { SeededRandom } from './random.ts';
import type { Stage, Subject } from './subject.ts';
import { PROBE_HEADER } from './upstream.ts';

/** A request waits this long for a gateway that is frozen: longer than most are, so that it is there when it wakes up. */
export const PROBE_TIMEOUT_MS = 6_000;
const WORKERS = 3;
const PAUSE_MS = [4, 24] as const;
const IDLE_PAUSE_MS = 50;
const VOLLEY_PROBES_MAX = 48;

const REQUESTS: Record<ProbeKind, { method: string; path: string }> = {
  read: { method: 'GET', path: '/api/guarded' },
  write: { method: 'POST', path: '/api/guarded' },
  own: { method: 'GET', path: '/api/users/me' },
};

/** Clients of one gateway: some that never stop, on kept-alive connections, and volleys at the moments that matter. */
export class GatewayClients {
  readonly #gateway: string;
  readonly #url: string;
  readonly #stage: Stage;
  readonly #random: SeededRandom;
  readonly #volleyAgent = new Agent({ keepAlive: true });
  readonly #underWay = new Set<Promise<void>>();
  #volleyProbes = 0;
  #stopped = false;

  constructor(gateway: string, url: string, stage: Stage, seed: number) {
    this.#gateway = gateway;
    this.#url = url;
    this.#stage = stage;
    this.#random = new SeededRandom(seed);
  }

  start(): void {
    for (let i = 0; i < WORKERS; i += 1) this.#track(this.#hammer());
  }

  /** Uses tokens right now, without waiting for the answers. */
  fire(subject: Subject, tokens: readonly number[], kinds: readonly ProbeKind[]): void {
    for (const token of tokens) {
      for (const kind of kinds) {
        if (this.#volleyProbes >= VOLLEY_PROBES_MAX) return; // a frozen gateway keeps them all
        this.#volleyProbes += 1;
        const done = (): void => void (this.#volleyProbes -= 1);
        this.#track(this.#probe(subject, token, kind, this.#volleyAgent).finally(done));
      }
    }
  }

  /** Waits for the answers that are still to come. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#underWay);
    this.#volleyAgent.destroy();
  }

  async #hammer(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#stopped) {
      if (this.#stage.live.length === 0) {
        await sleep(IDLE_PAUSE_MS);
        continue;
      }
      const subject = this.#random.pick(this.#stage.live);
      await this.#probe(subject, this.#random.integer(0, subject.tokens.length - 1), this.#anyKind(), agent);
      await sleep(this.#random.integer(...PAUSE_MS));
    }
    agent.destroy();
  }

  #anyKind(): ProbeKind {
    const draw = this.#random.next();
    if (draw < 0.05) return 'own';
    return draw < 0.3 ? 'write' : 'read';
  }

  async #probe(subject: Subject, token: number, kind: ProbeKind, agent: Agent): Promise<void> {
    const { method, path } = REQUESTS[kind];
    const bearer = subject.tokens[token]!.bearer;
    const probe = this.#stage.beginProbe(subject, this.#gateway, token, kind);
    const headers = { [PROBE_HEADER]: String(probe.id) };
    const url = this.#url + path;
    const reply = await call({ method, url, token: bearer, timeoutMs: PROBE_TIMEOUT_MS, agent, headers });
    probe.status = reply.status;
    probe.endMs = performance.now();
  }

  #track(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }
}
