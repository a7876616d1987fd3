import { refusalReason } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import ipaddr from 'ipaddr.js';
import { type BucketKey, Buckets, secondsUntilNext } from './buckets.js';
import type { LimitTally } from './limit-tally.js';
import type { Rate } from './rate.js';

/** A flood makes a line a minute. */
const REPORT_INTERVAL_MS = 60_000;
const SECONDS_REMEMBERED_MAX = 600;

interface Dependencies {
  /** undefined: no limit. */
  readonly rate: Rate | undefined;
  readonly tally: Pick<LimitTally, 'failed_authentication'>;
  readonly log: { warn(message: string): void };
  /** Monotonic. */
  readonly nowMs?: () => number;
  readonly buckets?: Buckets;
}

/**
 * Bad tokens, counted by the address that they come from. It is asked only when a token has been refused, so a good one from the same
 * address is let in whatever others there do, and costs nothing. A token that was issued here and is revoked or expired is no guess, nor
 * is none at all: both are answered as ever, since whoever has one must be told.
 */
export class FailedAuthentications {
  readonly #buckets: Buckets | undefined;
  readonly #nowMs: () => number;
  #quietUntilMs = 0;
  /** By seconds: a flood is to cost little, so each is made once. */
  readonly #remembered: Problem[] = [];
  /** Who was counted last: a flood comes mostly from one address. */
  #latest: { address: string; network: BucketKey } | undefined;

  constructor(private readonly deps: Dependencies) {
    this.#buckets = deps.rate && (deps.buckets ?? new Buckets());
    this.#nowMs = deps.nowMs ?? (() => performance.now());
  }

  /**
   * Counts a refusal if it is that of a bad token.
   *
   * @param problem why the request is refused
   * @param address the client's, as {@link TrustedProxies} has it
   * @returns what to answer with: `problem`, or a 429 with `Retry-After` and `RateLimit` for an address that has sent too many bad tokens
   */
  answerTo(problem: Problem, address: string): Problem {
    const { rate, tally } = this.deps;
    if (!rate || !this.#buckets || !isBadToken(problem)) return problem;
    const nowMs = this.#nowMs();
    const leftMs = this.#buckets.take(rate, this.#networkOf(address), nowMs);
    if (leftMs >= 0) return problem;
    tally.failed_authentication += 1;
    this.#report(address, nowMs);
    return this.#tooMany(rate, secondsUntilNext(rate, leftMs));
  }

  #networkOf(address: string): BucketKey {
    if (this.#latest?.address !== address) this.#latest = { address, network: networkOf(address) };
    return this.#latest.network;
  }

  #tooMany(rate: Rate, seconds: number): Problem {
    if (seconds > SECONDS_REMEMBERED_MAX) return makeTooMany(rate, seconds);
    return (this.#remembered[seconds] ??= makeTooMany(rate, seconds));
  }

  #report(address: string, nowMs: number): void {
    if (nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = nowMs + REPORT_INTERVAL_MS;
    this.deps.log.warn(`too many bad tokens from ${address}; further ones are answered 429`);
  }
}

function isBadToken(problem: Problem): boolean {
  return problem.status === 401 && problem.code === 'invalid_token' && refusalReason(problem) === undefined;
}

function makeTooMany({ count, windowSeconds }: Rate, seconds: number): Problem {
  const detail = `Too many bad tokens have come from this address; a good one is let in, a bad one is looked at again in ${seconds} s`;
  const headers = {
    'Retry-After': String(seconds),
    'RateLimit-Policy': `"bad-tokens";q=${count};w=${windowSeconds}`,
    RateLimit: `"bad-tokens";r=0;t=${seconds}`,
  };
  return new Problem(429, 'too_many_bad_tokens', detail, { headers });
}

/** An IPv4 address, or the /64 of an IPv6 one: a whole one belongs to a single line. */
export function networkOf(address: string): BucketKey {
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv6) {
    const [a = 0, b = 0, c = 0, d = 0] = parsed.parts;
    return { kind: 6, high: (a << 16) | b, low: (c << 16) | d };
  }
  const [a = 0, b = 0, c = 0, d = 0] = parsed.octets;
  return { kind: 4, high: 0, low: (a << 24) | (b << 16) | (c << 8) | d };
}
