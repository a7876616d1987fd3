import { type Problem, REFUSED_USES_MAX, type RefusalReason, type RefusedUse } from '@portcullis/contracts';
import { refusalReason, verifiedTokenId } from './token-refusals.js';

/** Those that are alike are told of once, and again when so much time has passed and there were more. */
const REPEAT_MS = 60_000;
const TOLD_APART_MAX = 1_000;

/** A request that was refused. */
export interface RefusedRequest {
  problem: Problem;
  authorization: string | undefined;
  address: string;
  route: string;
  requestId: string;
}

interface Tally extends RefusedUse {
  toldAtMs: number | undefined;
}

/**
 * Uses of revoked or expired tokens that are to be told of. The first is told of at once; whoever goes on is counted, so that
 * a program that nobody has told of the revocation makes a record a minute, and a flood no more than a thousand.
 */
export class RefusedUses {
  readonly #tallies = new Map<string, Tally>();

  /** Notes a refusal if it is one because of what has become of the token. */
  note({ problem, authorization, address, route, requestId }: RefusedRequest, nowMs: number): void {
    const reason = refusalReason(problem);
    const tokenId = reason && verifiedTokenId(authorization);
    if (!tokenId) return;
    const key = `${tokenId} ${reason} ${address} ${route}`;
    const isFull = this.#tallies.size >= TOLD_APART_MAX && !this.#tallies.has(key);
    const tally = isFull
      ? this.#tally(reason, { token_id: 0, reason, ip: '', route: '', request_id: '' })
      : this.#tally(key, { token_id: tokenId, reason, ip: address, route, request_id: requestId });
    tally.count += 1;
    tally.last_at = nowMs;
  }

  /** Takes out what is due, as many as go into one report. */
  take(nowMs: number): RefusedUse[] {
    const due: RefusedUse[] = [];
    for (const [key, tally] of this.#tallies) {
      const isQuiet = tally.toldAtMs !== undefined && nowMs - tally.toldAtMs < REPEAT_MS;
      if (isQuiet) continue;
      if (tally.count === 0) this.#tallies.delete(key);
      else if (due.length < REFUSED_USES_MAX) due.push(told(tally, nowMs));
    }
    return due;
  }

  #tally(key: string, use: Omit<RefusedUse, 'count' | 'last_at'> & { reason: RefusalReason }): Tally {
    const known = this.#tallies.get(key);
    if (known) return known;
    const tally = { ...use, count: 0, last_at: 0, toldAtMs: undefined };
    this.#tallies.set(key, tally);
    return tally;
  }
}

function told(tally: Tally, nowMs: number): RefusedUse {
  const { toldAtMs: _, ...use } = tally;
  tally.toldAtMs = nowMs;
  tally.count = 0;
  return use;
}
