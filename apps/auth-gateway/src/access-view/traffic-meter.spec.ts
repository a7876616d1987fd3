import { describe, expect, it } from 'vitest';
import { TrafficMeter } from './traffic-meter.js';

describe('the traffic meter', () => {
  it('says how many requests there were per second, and how many of them were refused', () => {
    const meter = new TrafficMeter();
    meter.rates(0);
    meter.requests += 100;
    meter.refused += 20;
    expect(meter.rates(10_000)).toEqual({ requests_per_second: 10, refused_per_second: 2 });
  });

  it('forgets what is longer ago than its window', () => {
    const meter = new TrafficMeter();
    meter.rates(0);
    meter.requests += 1_000;
    for (let atMs = 3_000; atMs <= 15_000; atMs += 3_000) meter.rates(atMs);
    expect(meter.rates(18_000).requests_per_second).toBe(0);
  });

  it('makes no flood of the first request', () => {
    const meter = new TrafficMeter();
    meter.rates(0);
    meter.requests += 1;
    expect(meter.rates(1).requests_per_second).toBe(1);
  });
});
