import { beforeEach, describe, expect, it } from 'vitest';
import { UpstreamHealth } from './upstream-health.js';

let nowMs: number;
let health: UpstreamHealth;
beforeEach(() => {
  nowMs = 1_000;
  health = new UpstreamHealth(5_000, () => nowMs);
});

function after(ms: number): boolean {
  nowMs += ms;
  return health.isShunned;
}

describe('an upstream', () => {
  it('that cannot be reached is shunned for a second, then tried by one request', () => {
    health.failed(false);
    expect(health.isShunned).toBe(true);
    expect(after(999)).toBe(true);
    expect(after(1)).toBe(false);
    health.trying();
    expect(health.isShunned).toBe(true); // the others wait for how that one ends
    health.answered();
    expect(health.isShunned).toBe(false);
  });

  it('is shunned twice as long after each trial that fails, up to half a minute', () => {
    health.failed(false);
    for (const ms of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      expect(after(ms - 1)).toBe(true);
      expect(after(1)).toBe(false);
      health.trying();
      health.failed(true);
    }
  });

  it('is shunned no longer for a burst of failures than for one', () => {
    for (let i = 0; i < 100; i++) health.failed(false);
    expect(after(1_000)).toBe(false);
  });

  it('that fails requests it was sent is shunned only after five in a row', () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 4; i++) health.failed(true);
      expect(health.isShunned).toBe(false);
      if (round === 0) health.answered();
    }
    health.failed(true);
    expect(health.isShunned).toBe(true);
  });
});
