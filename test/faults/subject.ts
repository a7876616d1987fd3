import type { Direction, Probe, ProbeKind, Register, SubjectHistory } from './history.ts';

/** A user of the system under test, with tokens whose access a controller gives and takes. */
export class Subject {
  readonly history: SubjectHistory;
  readonly userId: number;
  readonly tokens: readonly { id: number; bearer: string }[];
  /** What the controller has last asked for. */
  readonly #state = new Map<Register, Direction>();

  constructor(name: string, userId: number, tokens: readonly { id: number; bearer: string }[]) {
    this.history = { name, changes: [], probes: [] };
    this.userId = userId;
    this.tokens = tokens;
  }

  get registers(): Register[] {
    return ['active', 'role', ...this.tokens.map((_, i): Register => `token:${i}`)];
  }

  /** A call whose answer was lost may take effect at any time: less and less can be demanded of this subject. */
  get isTainted(): boolean {
    return this.history.changes.some(({ outcome }) => outcome === 'lost');
  }

  directionOf(register: Register): Direction {
    return this.#state.get(register) ?? 'allow';
  }

  turn(register: Register, direction: Direction): void {
    this.#state.set(register, direction);
  }
}

/** All subjects that clients use at the moment, and all requests whose arrival at the upstream is still of interest. */
export class Stage {
  readonly #live: Subject[] = [];
  readonly #probes = new Map<number, Probe>();
  #nextProbeId = 1;

  get live(): readonly Subject[] {
    return this.#live;
  }

  enter(subject: Subject): void {
    this.#live.push(subject);
  }

  leave(subject: Subject): void {
    const index = this.#live.indexOf(subject);
    if (index >= 0) this.#live.splice(index, 1);
  }

  beginProbe(subject: Subject, gateway: string, token: number, kind: ProbeKind): Probe {
    const id = this.#nextProbeId++;
    const probe: Probe = { id, gateway, token, kind, beginMs: performance.now(), endMs: Infinity, status: 0 };
    this.#probes.set(id, probe);
    subject.history.probes.push(probe);
    return probe;
  }

  arrived(probeId: number, atMs: number): void {
    const probe = this.#probes.get(probeId);
    if (probe) probe.arrivedMs ??= atMs;
  }

  /** @returns what is to be checked: requests that the harness never finished are left out */
  close({ history }: Subject): SubjectHistory {
    for (const { id } of history.probes) this.#probes.delete(id);
    return { ...history, probes: history.probes.filter(({ endMs }) => Number.isFinite(endMs)) };
  }
}
