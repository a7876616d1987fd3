import type { Caller } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import type { Route, RouteLimits } from '../authorization/route.js';
import { type BucketKey, Buckets, remaining, secondsUntilNext } from './buckets.js';
import type { LimitTally } from './limit-tally.js';
import type { Rate } from './rate.js';

type Tally = Pick<LimitTally, 'per_token' | 'per_user'>;

/** One limit of a route, and what has become of the request that was counted last. */
class Quota {
  leftMs = 0;
  /** The item of `RateLimit-Policy`. */
  readonly policy: string;
  readonly #key: BucketKey;

  constructor(
    readonly name: 'per-token' | 'per-user',
    readonly rate: Rate,
    kind: number,
  ) {
    this.policy = `"${name}";q=${rate.count};w=${rate.windowSeconds}`;
    this.#key = { kind, high: 0, low: 0 };
  }

  /** @returns whether the request is within the limit */
  take(buckets: Buckets, caller: Caller, nowMs: number): boolean {
    this.leftMs = buckets.take(this.rate, this.#keyOf(caller), nowMs);
    return this.leftMs >= 0;
  }

  giveBack(buckets: Buckets, caller: Caller, nowMs: number): void {
    buckets.giveBack(this.rate, this.#keyOf(caller), nowMs);
  }

  get secondsUntilNext(): number {
    return secondsUntilNext(this.rate, this.leftMs);
  }

  /** The item of `RateLimit`. */
  get item(): string {
    return `"${this.name}";r=${remaining(this.rate, this.leftMs)};t=${this.secondsUntilNext}`;
  }

  #keyOf({ tokenId, principal }: Caller): BucketKey {
    const id = this.name === 'per-user' ? principal.id : (tokenId ?? 0);
    this.#key.high = (id / 2 ** 32) | 0;
    this.#key.low = id | 0;
    return this.#key;
  }
}

/** What a route's callers may use of it. */
export class RouteQuotas {
  readonly #policies: string;

  constructor(
    private readonly quotas: readonly Quota[],
    private readonly buckets: Buckets,
    private readonly tally: Tally,
    private readonly nowMs: () => number,
  ) {
    this.#policies = quotas.map(({ policy }) => policy).join(', ');
  }

  /**
   * Counts a request, in all of the route's limits or, when one is used up, in none.
   *
   * @param headers gets `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11)
   * @returns the 429 to answer with when a limit is used up
   */
  take(caller: Caller, headers: string[]): Problem | undefined {
    const nowMs = this.nowMs();
    let within = true;
    for (const quota of this.quotas) within = quota.take(this.buckets, caller, nowMs) && within;
    const exceeded = within ? undefined : this.#takeBack(caller, nowMs);
    headers.push('RateLimit-Policy', this.#policies, 'RateLimit', itemsOf(exceeded ?? this.quotas));
    return exceeded && quotaExceeded(exceeded);
  }

  /** @returns the limits that are used up */
  #takeBack(caller: Caller, nowMs: number): Quota[] {
    const exceeded = this.quotas.filter((quota) => quota.leftMs < 0);
    for (const quota of this.quotas) if (!exceeded.includes(quota)) quota.giveBack(this.buckets, caller, nowMs);
    for (const { name } of exceeded) this.tally[name === 'per-user' ? 'per_user' : 'per_token'] += 1;
    return exceeded;
  }
}

/** The limits of all routes, as the routes file has them. One that stays as it is keeps its counts when the file changes. */
export class Quotas {
  #buckets: Buckets | undefined;
  #kinds = new Map<string, number>();
  #lastKind = 0;

  /** @param nowMs monotonic */
  constructor(
    private readonly tally: Tally,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Takes the routes as they are now. @returns the limits of those that have some */
  of(routes: readonly Route[]): ReadonlyMap<Route, RouteQuotas> {
    const before = this.#kinds;
    this.#kinds = new Map();
    const found = new Map<Route, RouteQuotas>();
    for (const route of routes) if (route.limits) found.set(route, this.#quotasOf(route.prefix, route.limits, before));
    return found;
  }

  #quotasOf(prefix: string, { perToken, perUser }: RouteLimits, before: ReadonlyMap<string, number>): RouteQuotas {
    this.#buckets ??= new Buckets();
    const quotas = [
      ...(perToken ? [new Quota('per-token', perToken, this.#kindOf(`token ${prefix}`, perToken, before))] : []),
      ...(perUser ? [new Quota('per-user', perUser, this.#kindOf(`user ${prefix}`, perUser, before))] : []),
    ];
    return new RouteQuotas(quotas, this.#buckets, this.tally, this.nowMs);
  }

  /** Another number for another rate: what was counted by the old one may be hours ahead of the new one. */
  #kindOf(whose: string, { count, windowSeconds, burst }: Rate, before: ReadonlyMap<string, number>): number {
    const identity = `${whose} ${count} ${windowSeconds} ${burst}`;
    const kind = before.get(identity) ?? (this.#lastKind += 1);
    this.#kinds.set(identity, kind);
    return kind;
  }
}

function itemsOf(quotas: readonly Quota[]): string {
  let items = '';
  for (const { item } of quotas) items += items === '' ? item : `, ${item}`;
  return items;
}

function quotaExceeded(exceeded: readonly Quota[]): Problem {
  const seconds = Math.max(...exceeded.map((quota) => quota.secondsUntilNext));
  const whose = exceeded.some(({ name }) => name === 'per-user') ? 'by this user' : 'with this token';
  return new Problem(429, 'quota_exceeded', `Too many requests ${whose}; try again in ${seconds} s`, {
    headers: { 'Retry-After': String(seconds) },
    members: { 'violated-policies': exceeded.map(({ name }) => name) },
  });
}
