import type { Caller } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { parseRoutes } from '../authorization/routes-document.js';
import type { Route } from '../authorization/route.js';
import { callerOf } from '../proxy/testing/gateway-harness.js';
import { LimitTally } from './limit-tally.js';
import { Quotas } from './quotas.js';

/** Routes at /a, /b, … with these limits. */
function routesWith(...limits: string[]): Route[] {
  const lines = limits.map(
    (limit, i) => `- {prefix: /${'abc'[i]}, upstreams: [http://a]${limit && `, limits: ${limit}`}}`,
  );
  return parseRoutes(`routes:\n${lines.join('\n')}`, 'routes.yaml').routes ?? [];
}

const clock = { nowMs: 0 };
const caller = (tokenId: number, id = 7): Caller => callerOf({ id }, { tokenId });

function limited(...limits: string[]) {
  clock.nowMs = 0;
  const tally = new LimitTally();
  const quotas = new Quotas(tally, () => clock.nowMs);
  let routes = routesWith(...limits);
  let found = quotas.of(routes);
  const ask = (who: Caller, index = 0): { problem: Problem | undefined; headers: Record<string, string> } => {
    const flat: string[] = [];
    const problem = found.get(routes[index]!)?.take(who, flat);
    const names = flat.filter((_, i) => i % 2 === 0);
    return { problem, headers: Object.fromEntries(names.map((name, i) => [name, flat[2 * i + 1]!])) };
  };
  const change = (...changed: string[]): void => {
    routes = routesWith(...changed);
    found = quotas.of(routes);
  };
  const statuses = (times: number, who: Caller, index = 0): (number | undefined)[] =>
    Array.from({ length: times }, () => ask(who, index).problem?.status);
  return { ask, statuses, change, tally };
}

const OK = undefined;

describe('the limits of a route', () => {
  it('say with each request what is left, and refuse with how long to wait when nothing is', () => {
    const { ask, tally } = limited('{per_token: 2/min}');
    expect(ask(caller(1))).toEqual({
      problem: undefined,
      headers: { 'RateLimit-Policy': '"per-token";q=2;w=60', RateLimit: '"per-token";r=1;t=30' },
    });
    clock.nowMs = 10_000;
    expect(ask(caller(1)).headers['RateLimit']).toBe('"per-token";r=0;t=20');
    clock.nowMs = 15_000;
    const { problem, headers } = ask(caller(1));
    expect(headers).toEqual({ 'RateLimit-Policy': '"per-token";q=2;w=60', RateLimit: '"per-token";r=0;t=15' });
    expect(problem).toMatchObject({ status: 429, code: 'quota_exceeded', extra: { headers: { 'Retry-After': '15' } } });
    expect(problem?.toJSON()).toMatchObject({ 'violated-policies': ['per-token'] });
    expect(tally).toMatchObject({ per_token: 1, per_user: 0 });
    clock.nowMs = 30_000;
    expect(ask(caller(1)).problem).toBeUndefined();
  });

  it('count each token by itself, and a user with all of their tokens', () => {
    const { statuses } = limited('{per_token: 2/min, per_user: 3/min}');
    expect(statuses(3, caller(1))).toEqual([OK, OK, 429]);
    expect(statuses(3, caller(2))).toEqual([OK, 429, 429]);
    expect(statuses(3, caller(3, 8))).toEqual([OK, OK, 429]);
  });

  it('count a request in all of them or in none', () => {
    const { statuses, ask, tally } = limited('{per_token: 3/min, per_user: 2/min burst 4}');
    expect(statuses(3, caller(1))).toEqual([OK, OK, OK]);
    expect(ask(caller(1)).problem?.toJSON()).toMatchObject({ 'violated-policies': ['per-token'] });
    // The refused one has taken nothing from the user, for whom one is left; nor will these take anything from the token.
    expect(statuses(3, caller(2))).toEqual([OK, 429, 429]);
    expect(tally).toMatchObject({ per_token: 1, per_user: 2 });
    clock.nowMs = 30_000;
    expect(ask(caller(2)).headers['RateLimit']).toBe('"per-token";r=2;t=20, "per-user";r=0;t=30');
    expect(ask(caller(1))).toMatchObject({
      headers: { RateLimit: '"per-user";r=0;t=30' },
      problem: { extra: { headers: { 'Retry-After': '30' } } },
    });
  });

  it('are those of one route: elsewhere nothing is counted', () => {
    const { statuses, ask } = limited('{per_token: 1/min}', '{per_token: 1/min}', '');
    expect(statuses(2, caller(1))).toEqual([OK, 429]);
    expect(statuses(2, caller(1), 1)).toEqual([OK, 429]);
    expect(ask(caller(1), 2)).toEqual({ problem: undefined, headers: {} });
  });

  it('keep their counts when the file changes elsewhere, and begin anew when they change themselves', () => {
    const { statuses, change } = limited('{per_token: 1/h burst 2}', '{per_token: 1/h}');
    expect(statuses(3, caller(1))).toEqual([OK, OK, 429]);
    change('{per_token: 1/h burst 2}', '{per_token: 5/h}', '{per_user: 1/s}');
    expect(statuses(1, caller(1))).toEqual([429]);
    change('{per_token: 3/min}');
    expect(statuses(4, caller(1))).toEqual([OK, OK, OK, 429]);
    change('');
    expect(statuses(4, caller(1))).toEqual([OK, OK, OK, OK]);
  });

  it('tell ids apart that differ only above 32 bits', () => {
    const { statuses } = limited('{per_token: 1/min}');
    for (const id of [1, 2 ** 32 + 1, 2 ** 33 + 1]) expect(statuses(2, caller(id))).toEqual([OK, 429]);
  });
});
