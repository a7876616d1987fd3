import { expect, it } from 'vitest';
import { FAULT_KINDS, type Phase, planFaults } from './fault-plan.ts';
import { SeededRandom } from './random.ts';

const OPTIONS = {
  gateways: ['gw-1', 'gw-2', 'gw-3'],
  tokenServices: ['ts-1', 'ts-2'],
  natsNodes: ['nats-1', 'nats-2', 'nats-3'],
  natsRoutes: ['nats-1→nats-2', 'nats-2→nats-1'],
  links: [
    { name: 'gw-1→NATS', from: 'gw-1', kind: 'gateway–NATS' },
    { name: 'gw-1→ts-1 API', from: 'gw-1', kind: 'gateway–token-service API' },
    { name: 'ts-1→Postgres', from: 'ts-1', kind: 'token-service–Postgres' },
  ],
  faultMs: [500, 3_000],
  calmMs: [100, 200],
} as const;

function phases(seed: number, count: number): Phase[] {
  return planFaults(new SeededRandom(seed), OPTIONS).take(count).toArray();
}

const targetsOf = (some: Phase[]) => some.flatMap(({ faults }) => faults.map(({ target }) => target));

it('is determined by the seed', () => {
  expect(phases(7, 100)).toEqual(phases(7, 100));
  expect(phases(7, 100)).not.toEqual(phases(8, 100));
});

it('has each kind alone first, then mixtures', () => {
  const all = phases(7, 200);
  const first = all.slice(0, FAULT_KINDS.length);
  expect(first.flatMap(({ faults }) => faults.map(({ kind }) => kind)).toSorted()).toEqual(FAULT_KINDS.toSorted());
  expect(new Set(all.map(({ faults }) => faults.length))).toEqual(new Set([1, 2, 3, 4]));
});

it('strikes the links that access goes over first, and the others too', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const [first, later] = [phases(seed, FAULT_KINDS.length), phases(seed, 300).slice(FAULT_KINDS.length)];
    expect(targetsOf(first)).not.toContain('gw-1→ts-1 API');
    expect(targetsOf(later)).toContain('gw-1→ts-1 API');
  }
});

it('never lays hands on one thing twice at a time', () => {
  for (const { faults } of phases(7, 500)) {
    const processes = faults.filter(({ kind }) => /frozen|killed/.test(kind)).map(({ target }) => target ?? 'NATS');
    expect(new Set(processes).size).toBe(processes.length);
    expect(faults.filter(({ kind }) => kind.startsWith('NATS')).length).toBeLessThanOrEqual(1);
    expect(faults.filter(({ kind }) => kind.startsWith('Postgres')).length).toBeLessThanOrEqual(1);
  }
});
