import { describe, expect, it } from 'vitest';
import { DurationTally } from './duration-tally.js';
import { MetricSet } from './metric-set.js';

const linesOf = async (metrics: MetricSet): Promise<string[]> =>
  (await metrics.text()).split('\n').filter((line) => line.startsWith('portcullis_'));

describe('a set of metrics', () => {
  it('reads each when it is asked for, and leaves out what can not be read', async () => {
    const state = { waiting: 3, isAway: false };
    const metrics = new MetricSet()
      .gauge('portcullis_waiting', 'help', () => {
        if (state.isAway) throw new Error('away');
        return state.waiting;
      })
      .counter('portcullis_requests_total', 'help', () => [{ labels: { route: '/a' }, value: 2 }], ['route']);
    expect(await linesOf(metrics)).toEqual(['portcullis_waiting 3', 'portcullis_requests_total{route="/a"} 2']);
    state.waiting = 4;
    expect(await linesOf(metrics)).toContain('portcullis_waiting 4');
    state.isAway = true;
    expect(await linesOf(metrics)).toEqual(['portcullis_requests_total{route="/a"} 2']);
  });

  it('counts durations up to each bound', async () => {
    const tally = new DurationTally([0.001, 0.01]);
    for (const ms of [0.5, 1, 5, 50]) tally.observe(ms);
    expect(await linesOf(new MetricSet().histogram('portcullis_barrier_seconds', 'help', tally))).toEqual([
      'portcullis_barrier_seconds_bucket{le="0.001"} 2',
      'portcullis_barrier_seconds_bucket{le="0.01"} 3',
      'portcullis_barrier_seconds_bucket{le="+Inf"} 4',
      'portcullis_barrier_seconds_sum 0.0565',
      'portcullis_barrier_seconds_count 4',
    ]);
  });
});
