import type { LaneCondition } from './lane.ts';
import type { SeededRandom } from './random.ts';
import type { Link } from './system.ts';

export const FAULT_KINDS = [
  'gateway frozen',
  'gateway killed',
  'gateway cut off',
  'token-service frozen',
  'token-service killed',
  'NATS node killed',
  'NATS leader killed',
  'NATS down',
  'NATS node cut off from the others',
  'NATS route delayed',
  'NATS route cut one way',
  'NATS route cut both ways',
  'Postgres restarted',
  'Postgres crashed',
  'link delayed',
  'link cut one way, out',
  'link cut one way, back',
  'link cut both ways',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  kind: FaultKind;
  /** A process, or a name of a link or route; absent where there is only one of it. */
  target?: string;
  /** Links: what happens to bytes. */
  lane?: LaneCondition;
  /** After the beginning of its phase. */
  startsAfterMs: number;
  lastsMs: number;
}

/** Faults that are in force together; the next phase begins when all are healed, the system is back, and the calm is over. */
export interface Phase {
  faults: Fault[];
  calmMs: number;
}

export interface PlanOptions {
  gateways: readonly string[];
  tokenServices: readonly string[];
  natsNodes: readonly string[];
  /** Each from either side, so that one way is either way. */
  natsRoutes: readonly string[];
  links: readonly Pick<Link, 'name' | 'from' | 'kind'>[];
  faultMs: readonly [min: number, max: number];
  calmMs: readonly [min: number, max: number];
}

const MIXED_FAULTS_MAX = 4;
const DELAY_MS = [20, 1_500] as const;

/**
 * The plan that a seed stands for: first each kind alone, in random order, then mixtures and single faults, without end. The first
 * ones strike links that leases, changes or acks go over: a short run has one of each, and none is to be spent on the API's.
 */
export function* planFaults(random: SeededRandom, options: PlanOptions): Generator<Phase, never> {
  const calm = (): number => random.integer(...options.calmMs);
  const first = { ...options, links: options.links.filter(({ kind }) => kind !== 'gateway–token-service API') };
  for (const kind of random.shuffled(FAULT_KINDS))
    yield { faults: [drawFault(random, kind, first, 0)], calmMs: calm() };
  for (;;) {
    const size = random.chance(0.3) ? 1 : random.integer(2, MIXED_FAULTS_MAX);
    yield { faults: drawMixture(random, size, options), calmMs: calm() };
  }
}

function drawMixture(random: SeededRandom, size: number, options: PlanOptions): Fault[] {
  const faults = new Map<string, Fault>();
  for (let i = 0; i < size; i += 1) {
    const startsAfterMs = i === 0 ? 0 : random.integer(0, options.faultMs[0]);
    const fault = drawFault(random, random.pick(FAULT_KINDS), options, startsAfterMs);
    faults.set(subjectOf(fault, options), fault); // one thing suffers one fault at a time
  }
  return [...faults.values()];
}

function drawFault(random: SeededRandom, kind: FaultKind, options: PlanOptions, startsAfterMs: number): Fault {
  const [minMs, maxMs] = options.faultMs;
  // The dangerous ones begin to matter when they outlast a lease.
  const shortestMs = /frozen|cut off/.test(kind) ? (minMs + maxMs) / 2 : minMs;
  const timing = { startsAfterMs, lastsMs: Math.round(random.integer(shortestMs, maxMs)) };
  if (kind.startsWith('gateway '))
    return { kind, target: random.pick(options.gateways), ...laneFor(kind, random), ...timing };
  if (kind.startsWith('token-service ')) return { kind, target: random.pick(options.tokenServices), ...timing };
  if (kind.startsWith('NATS node '))
    return { kind, target: random.pick(options.natsNodes), ...laneFor(kind, random), ...timing };
  if (kind.startsWith('NATS route '))
    return { kind, target: random.pick(options.natsRoutes), ...laneFor(kind, random), ...timing };
  if (!kind.startsWith('link ')) return { kind, ...timing };
  return { kind, target: random.pick(options.links).name, ...laneFor(kind, random), ...timing };
}

function laneFor(kind: FaultKind, random: SeededRandom): { lane?: LaneCondition } {
  if (kind.endsWith(' delayed')) return { lane: { kind: 'delayed', delayMs: random.integer(...DELAY_MS) } };
  if (!kind.includes('cut')) return {};
  return { lane: { kind: random.chance(0.5) ? 'held' : 'swallowed' } };
}

/** What a fault lays its hands on. */
function subjectOf({ kind, target }: Fault, { links }: PlanOptions): string {
  if (kind.startsWith('NATS ')) return 'NATS';
  if (kind.startsWith('Postgres ')) return 'Postgres';
  if (kind === 'gateway cut off') return `links of ${target}`;
  if (kind.startsWith('link ')) return `links of ${links.find(({ name }) => name === target)?.from}`;
  return target ?? kind;
}

export function describeFault({ kind, target, lane, lastsMs }: Fault): string {
  const how = lane?.kind === 'delayed' ? `by ${lane.delayMs} ms` : lane && `bytes ${lane.kind}`;
  return [kind, target && `(${target})`, how, `for ${(lastsMs / 1000).toFixed(1)} s`].filter(Boolean).join(' ');
}
