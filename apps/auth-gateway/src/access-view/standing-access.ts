import type { Caller } from '@portcullis/access-control';
import type { AccessEntry } from '@portcullis/contracts';
import type { AccessReplica } from './access-replica.js';
import type { Clock } from './clock.js';
import type { Lease } from './lease.js';

/** Something that was let in once and lasts, such as an upgraded connection. */
export interface Standing {
  readonly caller: Caller;
  /** Decides anew, as for a new request. Asked while the lease holds, so it can answer at once. */
  mayGoOn(): boolean;
  /** Ends it, both sides of it, before it returns. */
  end(): void;
}

interface Dependencies {
  replica: AccessReplica;
  lease: Lease;
  clock: Clock;
  /** `PORTCULLIS_WHEN_STALE=allow`: go on with the last view when the lease runs out. */
  outlastsLease: boolean;
}

/** How often expiry is looked at when no lease sets the pace. */
const LOOK_MS_MAX = 10_000;

/**
 * Ends what was let in once, when it would no longer be let in. What an entry of the ledger speaks against is ended in the turn in
 * which the entry is applied, so before its number is acknowledged; everything, when the lease ends.
 */
export class StandingAccess {
  readonly #open = new Set<Standing>();
  #look: { dueMs: number; cancel: () => void } | undefined;

  constructor(private readonly deps: Dependencies) {
    deps.replica.onEntries((entries) => this.#follow(entries));
    deps.lease.onClosed(() => this.endAll());
  }

  get count(): number {
    return this.#open.size;
  }

  /** @returns false when nothing that lasts may begin: without a lease, nobody could say when it has to end */
  add(standing: Standing): boolean {
    if (!this.holds(standing.caller)) return false;
    this.#open.add(standing);
    this.#lookInTimeFor(standing);
    return true;
  }

  remove(standing: Standing): void {
    this.#open.delete(standing);
  }

  /**
   * Whether time speaks for it. To be asked for every piece that passes: a process that was frozen finds what came meanwhile
   * before its timers.
   */
  holds(caller: Caller): boolean {
    const leased = this.deps.outlastsLease || this.deps.lease.holds();
    return leased && (caller.expiresAt === undefined || this.deps.clock.wallMs() < caller.expiresAt * 1000);
  }

  endAll(): void {
    for (const standing of this.#open) this.#end(standing);
  }

  #follow(entries: readonly AccessEntry[]): void {
    if (this.#open.size === 0) return;
    const tokens = idsOf(entries, 'token');
    const principals = idsOf(entries, 'principal');
    const manyEnded = entries.some(
      ({ kind, value }) => kind === 'void_tokens' || (kind === 'key' && value === 'retired'),
    );
    for (const standing of this.#open) {
      const { tokenId, principal } = standing.caller;
      const concerned = manyEnded || tokens.has(String(tokenId)) || principals.has(String(principal.id));
      if (concerned) this.#recheck(standing);
    }
  }

  #recheck(standing: Standing): void {
    if (!this.holds(standing.caller) || !standing.mayGoOn()) this.#end(standing);
  }

  #end(standing: Standing): void {
    this.#open.delete(standing);
    standing.end();
  }

  /** For those on which nothing passes. The lease is renewed meanwhile, as a rule, and then the next look is for its new end. */
  #lookInTimeFor({ caller }: Standing): void {
    const { lease, clock, outlastsLease } = this.deps;
    const leaseMs = outlastsLease ? LOOK_MS_MAX : lease.remainingMs();
    const expiryMs = (caller.expiresAt ?? Infinity) * 1000 - clock.wallMs();
    const delayMs = Math.max(1, Math.ceil(Math.min(LOOK_MS_MAX, leaseMs, expiryMs)));
    const dueMs = clock.monotonicMs() + delayMs;
    if (this.#look && this.#look.dueMs <= dueMs) return;
    this.#look?.cancel();
    this.#look = { dueMs, cancel: clock.after(delayMs, () => this.#lookAtAll()) };
  }

  #lookAtAll(): void {
    this.#look = undefined;
    for (const standing of this.#open) {
      if (this.holds(standing.caller)) this.#lookInTimeFor(standing);
      else this.#end(standing);
    }
  }
}

function idsOf(entries: readonly AccessEntry[], kind: AccessEntry['kind']): Set<string> {
  return new Set(entries.filter((entry) => entry.kind === kind).map(({ id }) => String(id)));
}
