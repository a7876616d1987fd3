import type { ReceiptDto } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { checkHistory } from './checker.ts';
import type { Change, Probe, Register } from './history.ts';

const RECEIPT: ReceiptDto = { seq: 1, confirmed: ['gw-1', 'gw-2'], expired: [], elapsed_ms: 1 };

type When = [beginMs: number, endMs: number];

function change(direction: Change['direction'], [beginMs, endMs]: When, more: Partial<Change> = {}): Change {
  const all = {
    register: 'token:0',
    outcome: 'returned',
    tokenService: 'ts-1',
    status: 200,
    receipt: RECEIPT,
  } as const;
  return { ...all, direction, beginMs, endMs, ...more };
}
const revoke = (when: When, more?: Partial<Change>): Change => change('deny', when, more);
const restore = (when: When, more?: Partial<Change>): Change => change('allow', when, more);

/** What holds from the start: an active Editor with an active token. */
const BEGUN = (['token:0', 'active', 'role'] as Register[]).map((register) => restore([0, 1], { register }));

function probe([beginMs, endMs]: When, status: number, more: Partial<Probe> = {}): Probe {
  return { id: 1, gateway: 'gw-1', token: 0, kind: 'read', beginMs, endMs, status, ...more };
}

function rules(changes: Change[], ...probes: Probe[]): string[] {
  const history = { name: 's', changes: [...BEGUN, ...changes], probes };
  return checkHistory(history).violations.map(({ rule }) => rule);
}

describe('a stale accept', () => {
  it('is a request that was let in after a revoke had returned', () => {
    expect(rules([revoke([10, 20])], probe([21, 25], 200))).toEqual(['stale-accept']);
    expect(rules([revoke([10, 20])], probe([21, 25], 401), probe([21, 25], 503), probe([21, 25], 0))).toEqual([]);
  });

  it('is none when the request began before the revoke returned', () => {
    expect(rules([revoke([10, 20])], probe([19, 30], 200))).toEqual([]);
  });

  it('is none when a restore began before the decision was made', () => {
    expect(rules([revoke([10, 20]), restore([30, 40])], probe([21, 35], 200))).toEqual([]);
    expect(rules([revoke([10, 20]), restore([30, 40])], probe([21, 35], 200, { arrivedMs: 29 }))).toEqual([
      'stale-accept',
    ]);
  });

  it('is seen at the upstream when the client had given up', () => {
    expect(rules([revoke([10, 20])], probe([21, 25], 0, { arrivedMs: 40 }))).toEqual(['stale-accept']);
    expect(rules([revoke([10, 20])], probe([21, 25], 503, { arrivedMs: 24 }))).toEqual(['stale-accept']);
  });

  it('is found for each register that shuts the request out, and for no other', () => {
    const demote = revoke([10, 20], { register: 'role' });
    expect(rules([demote], probe([21, 25], 200))).toEqual([]);
    expect(rules([demote], probe([21, 25], 201, { kind: 'write' }))).toEqual(['stale-accept']);
    expect(rules([revoke([10, 20], { register: 'active' })], probe([21, 25], 200, { kind: 'own' }))).toEqual([
      'stale-accept',
    ]);
    expect(rules([revoke([10, 20], { register: 'token:1' })], probe([21, 25], 200))).toEqual([]);
  });
});

describe('a wrong refusal', () => {
  it('is a request that was refused after a restore had returned', () => {
    const changes = [revoke([10, 20]), restore([30, 40])];
    expect(rules(changes, probe([41, 45], 401))).toEqual(['wrong-refusal']);
    expect(rules(changes, probe([41, 45], 200), probe([41, 45], 503), probe([41, 45], 0))).toEqual([]);
  });

  it('is none while another revoke is under way', () => {
    expect(rules([revoke([10, 20])], probe([5, 11], 401))).toEqual([]);
    expect(rules([revoke([10, 20])], probe([5, 9], 401))).toEqual(['wrong-refusal']);
  });

  it('is none at a gateway that the receipt calls pending', () => {
    const pending = restore([30, 40], { receipt: { ...RECEIPT, confirmed: ['gw-2'], pending: ['gw-1'] } });
    const changes = [revoke([10, 20]), pending];
    expect(rules(changes, probe([41, 45], 401))).toEqual([]);
    expect(rules(changes, probe([41, 45], 401, { gateway: 'gw-2' }))).toEqual(['wrong-refusal']);
    expect(rules([...changes, restore([50, 60])], probe([61, 65], 401))).toEqual(['wrong-refusal']);
  });

  it('needs all registers open', () => {
    const demote = revoke([10, 20], { register: 'role' });
    expect(rules([demote], probe([21, 25], 403, { kind: 'write' }))).toEqual([]);
    expect(rules([demote], probe([21, 25], 403))).toEqual(['wrong-refusal']);
    expect(rules([], probe([21, 25], 401, { token: 7 }))).toEqual([]);
  });
});

describe('a call without an answer', () => {
  const lost = { outcome: 'lost', status: 0, receipt: undefined } as const;

  it('proves nothing: neither outcome is wrong after a lost revoke', () => {
    expect(rules([revoke([10, 20], lost)], probe([21, 25], 200), probe([21, 25], 401))).toEqual([]);
  });

  it('may take effect after a later call has returned', () => {
    const changes = [revoke([10, 20], lost), restore([30, 40])];
    expect(rules(changes, probe([41, 45], 401))).toEqual([]);
    const granted = [revoke([5, 6]), restore([10, 20], lost), revoke([30, 40])];
    expect(rules(granted, probe([41, 45], 200))).toEqual([]);
  });

  it('excuses nothing that it can’t have caused', () => {
    expect(rules([revoke([10, 20]), revoke([30, 40], lost)], probe([41, 45], 200))).toEqual(['stale-accept']);
    expect(rules([revoke([10, 20], lost), revoke([30, 40])], probe([41, 45], 200))).toEqual(['stale-accept']);
    const granted = [revoke([10, 20]), restore([30, 40]), restore([50, 60], lost)];
    expect(rules(granted, probe([61, 65], 401))).toEqual(['wrong-refusal']);
  });
});

describe('a revoke that is made but unconfirmed', () => {
  const unconfirmed = { outcome: 'unconfirmed', status: 503, receipt: undefined } as const;

  it('leaves all open until the next call has returned', () => {
    const changes = [revoke([10, 20], unconfirmed)];
    expect(rules(changes, probe([21, 25], 200), probe([21, 25], 401))).toEqual([]);
    expect(rules([...changes, revoke([30, 40])], probe([41, 45], 200))).toEqual(['stale-accept']);
    expect(rules([...changes, restore([30, 40])], probe([41, 45], 401))).toEqual(['wrong-refusal']);
  });
});

it('counts what it could demand, and what of that got no answer', () => {
  const probes = [probe([5, 6], 200), probe([15, 16], 200), probe([21, 25], 401), probe([21, 25], 503)];
  const verdict = checkHistory({ name: 's', changes: [...BEGUN, revoke([10, 20])], probes });
  expect(verdict).toMatchObject({ probes: 4, hadToBeRefused: 2, hadToBeAccepted: 1, unanswered: 1, violations: [] });
});
