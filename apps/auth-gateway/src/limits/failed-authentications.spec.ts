import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TOKEN_REFUSALS } from '@portcullis/access-control';
import { Problem, unauthorized } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { Buckets } from './buckets.js';
import { FailedAuthentications, networkOf } from './failed-authentications.js';
import { LimitTally } from './limit-tally.js';
import { Rate } from './rate.js';

const BAD = unauthorized('The token was not issued here', 'invalid_token');

function failures(rate = new Rate(6, 60, 3), buckets = new Buckets(1_024)) {
  const clock = { nowMs: 0 };
  const tally = new LimitTally();
  const warnings: string[] = [];
  const log = { warn: (message: string) => void warnings.push(message) };
  const limiter = new FailedAuthentications({ rate, tally, log, buckets, nowMs: () => clock.nowMs });
  const statuses = (times: number, problem: Problem = BAD, address = '203.0.113.9'): number[] =>
    Array.from({ length: times }, () => limiter.answerTo(problem, address).status);
  return { clock, tally, warnings, limiter, statuses };
}

describe('bad tokens from an address', () => {
  it('are 401 up to the limit, then 429 that says when the next one is looked at', () => {
    const { statuses, limiter, tally, clock } = failures();
    expect(statuses(5)).toEqual([401, 401, 401, 429, 429]);
    const refused = limiter.answerTo(BAD, '203.0.113.9');
    expect(refused).toMatchObject({
      code: 'too_many_bad_tokens',
      extra: {
        headers: {
          'Retry-After': '10',
          'RateLimit-Policy': '"bad-tokens";q=6;w=60',
          RateLimit: '"bad-tokens";r=0;t=10',
        },
      },
    });
    expect(tally.failed_authentication).toBe(3);
    clock.nowMs = 10_000;
    expect(statuses(2)).toEqual([401, 429]);
  });

  it('do not count for another address', () => {
    const { statuses } = failures();
    statuses(9);
    expect(statuses(1, BAD, '203.0.113.8')).toEqual([401]);
  });

  it('count for a whole /64 of IPv6', () => {
    const { statuses } = failures();
    for (const host of [':1', ':2', 'ffff:1:2:3']) expect(statuses(1, BAD, `2001:db8:0:7:${host}`)).toEqual([401]);
    expect(statuses(1, BAD, '2001:db8:0:7::4')).toEqual([429]);
    expect(statuses(1, BAD, '2001:db8:0:8::4')).toEqual([401]);
  });

  it('are all that counts: no token, a revoked one, one of another place, a gateway in trouble are answered as ever', () => {
    const { statuses } = failures();
    const others = [
      unauthorized('A bearer token is required'),
      ...Object.values(TOKEN_REFUSALS),
      new Problem(400, 'invalid_request', 'The Authorization header must be given once'),
      new Problem(503, 'access_view_stale', 'too long'),
    ];
    for (const problem of others) expect(new Set(statuses(20, problem))).toEqual(new Set([problem.status]));
    expect(statuses(4)).toEqual([401, 401, 401, 429]);
    for (const problem of others) expect(statuses(1, problem)).toEqual([problem.status]);
  });

  it('make a line in the log, and not more than one a minute', () => {
    const { statuses, warnings, clock } = failures();
    statuses(50);
    statuses(50, BAD, '203.0.113.8');
    expect(warnings).toEqual([expect.stringContaining('203.0.113.9')]);
    clock.nowMs = 60_000;
    statuses(50);
    expect(warnings).toHaveLength(2);
  });

  it('are not limited when that is off', () => {
    const { limiter } = failures();
    const off = new FailedAuthentications({ rate: undefined, tally: new LimitTally(), log: { warn: () => {} } });
    for (let i = 0; i < 1_000; i += 1) expect(off.answerTo(BAD, '203.0.113.9')).toBe(BAD);
    expect(limiter.answerTo(BAD, '203.0.113.9')).toBe(BAD);
  });
});

const hosts = (i: number): string => `${(i >>> 16) & 255}.${(i >>> 8) & 255}.${i & 255}`;

describe('bad tokens from a million addresses', () => {
  const TABLE_BYTES = 12 * 2 ** 20;
  const MEBIBYTE = 2 ** 20;

  it('take no memory beyond the table, let no guesser go, and shut nobody else out', { timeout: 180_000 }, () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const usedBytes = (): number => {
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const beforeBytes = usedBytes();
    const { limiter, statuses } = failures(new Rate(6, 60, 50), new Buckets());
    const tableBytes = usedBytes() - beforeBytes;

    const guessers = Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`);
    for (const guesser of guessers) statuses(51, BAD, guesser);
    for (let i = 0; i < 1_000_000; i += 1) limiter.answerTo(BAD, `10.${hosts(i)}`);

    expect(usedBytes() - beforeBytes - tableBytes).toBeLessThan(MEBIBYTE);
    expect(Math.abs(tableBytes - TABLE_BYTES)).toBeLessThan(MEBIBYTE);
    for (const guesser of guessers) expect(statuses(1, BAD, guesser)).toEqual([429]);
    for (let i = 0; i < 1_000; i += 1) expect(statuses(1, BAD, `11.${hosts(i * 999)}`)).toEqual([401]);
  });
});

describe('the network that they are counted for', () => {
  it.each([
    ['203.0.113.9', { kind: 4, high: 0, low: 0xcb007109 | 0 }],
    ['::ffff:203.0.113.9', { kind: 4, high: 0, low: 0xcb007109 | 0 }],
    ['2001:db8:1:2:3:4:5:6', { kind: 6, high: 0x20010db8, low: 0x00010002 }],
    ['fe80::1%eth0', { kind: 6, high: 0xfe800000 | 0, low: 0 }],
  ])('of %j is %o', (address, network) => expect(networkOf(address)).toEqual(network));
});
