import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runFaults } from './fault-run.ts';
import type { Fault } from './fault-plan.ts';
import { FAULT_KINDS } from './fault-plan.ts';

// One whose first round has a frozen and a cut-off gateway that outlast a lease and a second, and whose mixture is a hard one.
const SEED = 11;
const EVIDENCE = join(import.meta.dirname, '..', '..', 'test-results', `faults-${SEED}`);

it('admits nobody whose access was taken, and everybody who was given it, whatever is broken', async () => {
  console.log(`fault run with seed ${SEED}`);
  const evidence: string[] = [];
  const { verdict, changes, injected } = await runFaults({
    seed: SEED,
    durationMs: 60_000,
    leaseMs: 2_000,
    faultMs: [800, 4_000],
    calmMs: [100, 300],
    log: (line) => console.log(line),
    onViolation: (_, text) => void (evidence.length < 3 && evidence.push(text)),
    evidenceDir: EVIDENCE,
  });
  expect(evidence).toEqual([]);
  expect(verdict.violations).toEqual([]);
  expect(verdict.hadToBeRefused).toBeGreaterThan(500);
  expect(verdict.hadToBeAccepted).toBeGreaterThan(500);
  expect(changes.filter(({ outcome }) => outcome === 'returned').length).toBeGreaterThan(100);
  expect([...injected.keys()].toSorted()).toEqual(FAULT_KINDS.toSorted());
}, 240_000);

it('would notice: a gateway that ignores its lease is found out', async () => {
  const cutOff: Fault = {
    kind: 'gateway cut off',
    target: 'gw-1',
    lane: { kind: 'held' },
    startsAfterMs: 0,
    lastsMs: 4_000,
  };
  const { verdict } = await runFaults({
    seed: SEED,
    durationMs: 6_000,
    quietMs: 500,
    leaseMs: 1_000,
    faultMs: [0, 0],
    calmMs: [0, 0],
    log: () => undefined,
    topology: { gateways: 1, tokenServices: 1, natsNodes: 1 },
    gatewayEnv: { NODE_ENV: 'test', PORTCULLIS_UNSAFE_TEST_IGNORE_LEASE: '1' },
    phases: [{ faults: [cutOff], calmMs: 0 }],
  });
  expect(verdict.violations.map(({ rule }) => rule)).toContain('stale-accept');
}, 60_000);
