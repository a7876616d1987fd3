import { describe, expect, it } from 'vitest';
import { instantOf } from './clock.js';
import { Lease } from './lease.js';
import { ManualClock } from './testing/manual-clock.js';

describe('Lease', () => {
  it('does not hold before it was granted', () => {
    expect(new Lease(new ManualClock()).holds()).toBe(false);
  });

  it('counts from sending, not from receipt', async () => {
    const clock = new ManualClock();
    const lease = new Lease(clock);
    const sent = instantOf(clock);
    await clock.advance(900);
    lease.extend(sent, 1_000);
    expect(lease.holds()).toBe(true);
    expect(lease.remainingMs()).toBe(100);
    await clock.advance(99);
    expect(lease.holds()).toBe(true);
    await clock.advance(1);
    expect(lease.holds()).toBe(false);
  });

  it('ends when the wall clock jumps ahead, as it does when a suspended machine goes on', () => {
    const clock = new ManualClock();
    const lease = new Lease(clock);
    lease.extend(instantOf(clock), 1_000);
    clock.stepWall(1_000);
    expect(lease.holds()).toBe(false);
    expect(lease.remainingMs()).toBe(0);
  });

  it('is not made longer by a wall clock that is set back', async () => {
    const clock = new ManualClock();
    const lease = new Lease(clock);
    lease.extend(instantOf(clock), 1_000);
    clock.stepWall(-60_000);
    expect(lease.holds()).toBe(true);
    await clock.advance(1_000);
    expect(lease.holds()).toBe(false);
  });

  it('ends when it is closed', () => {
    const clock = new ManualClock();
    const lease = new Lease(clock);
    lease.extend(instantOf(clock), 1_000);
    lease.close();
    expect(lease.holds()).toBe(false);
  });
});
