import { Injectable, Logger } from '@nestjs/common';
import { type AccessConfirmationDto, Problem, type ReceiptDto } from '@portcullis/contracts';
import { DurationTally } from '@portcullis/metrics';
import { inSpan } from '@portcullis/telemetry';
import { DataSource } from 'typeorm';
import { GatewayProgress, type Shortfall } from './gateway-progress.js';
import { type HeldLease, readHeldLeases } from './held-leases.js';
import type { CommittedPosition, LedgerPosition } from './ledger-position.js';

/** Beyond the longest lease: a gateway counts from when it sent its renewal, and clocks run at slightly different rates. */
export const LEASE_MARGIN_MS = 1_000;
/** A change that only gives access opens nothing that should be shut: it is waited for this long at most. */
const GRANT_WAIT_MS = 1_000;
const READ_ATTEMPTS = 3;
const BARRIER_SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 2, 5, 11, 30];

/** `takes` access away from someone, or only `gives` it. */
export type AccessEffect = 'takes' | 'gives';

/** How each lease stands to a change. `gone`: its gateway has shut down meanwhile, and no receipt names it. */
type Standing = 'gone' | 'confirmed' | 'expired' | 'pending' | 'unconfirmed';

/**
 * The revocation barrier: when it has let a change through, no gateway admits by what was true before it.
 *
 * Each gateway that holds a lease either says that it has applied the change, or is waited for until its lease must have run out
 * on its own clock; then its lease is fenced, so that it must begin anew. No clock of another machine is trusted: both sides
 * count durations, this one later and longer. The rows are read after the commit: a gateway that renews later is handed the
 * change before its lease is extended. (docs/models is this protocol, model-checked.)
 */
@Injectable()
export class RevocationBarrier {
  readonly #logger = new Logger(RevocationBarrier.name);
  /** Of each passage, from the commit to the receipt. */
  readonly durations = new DurationTally(BARRIER_SECONDS);
  /** By the worst that they say of any gateway; `unknown`: there was none, since Postgres couldn't say who holds a lease. */
  readonly receipts = { confirmed: 0, expired: 0, pending: 0, unconfirmed: 0, unknown: 0 };

  constructor(
    private readonly dataSource: DataSource,
    private readonly progress: GatewayProgress,
  ) {}

  /**
   * @param position of a change that is committed
   * @returns who has confirmed it; holds no database connection while it waits
   * @throws Problem 503 `revocation_unconfirmed` with the `seq`, when Postgres can't say who holds a lease
   */
  pass(position: CommittedPosition, effect: AccessEffect): Promise<ReceiptDto> {
    return inSpan('revocation barrier', { 'portcullis.access.seq': position.seq }, async (span) => {
      const receipt = await this.wait(position, effect);
      for (const standing of ['confirmed', 'expired', 'pending', 'unconfirmed'] as const)
        if (receipt[standing]) span.setAttribute(`portcullis.gateways.${standing}`, receipt[standing]);
      return receipt;
    });
  }

  private async wait(position: CommittedPosition, effect: AccessEffect): Promise<ReceiptDto> {
    const startedMs = performance.now();
    const leases = position.leases ?? (await this.leases(position));
    this.progress.noteRenewals(leases);
    const live = leases.filter(mayAdmit);
    const waitMs = effect === 'gives' ? GRANT_WAIT_MS : longestLeaseMs(live) + LEASE_MARGIN_MS;
    const shortfalls = await this.progress.shortfalls(position, leaseIds(live), waitMs);
    if (effect === 'takes') await this.fence(live, shortfalls, position);
    const standings = byInstance(leases, (lease) => standingOf(lease, shortfalls.get(lease.lease_id)));
    const elapsedMs = performance.now() - startedMs;
    this.durations.observe(elapsedMs);
    this.receipts[worstOf(standings)] += 1;
    return { seq: position.seq, ...standings, elapsed_ms: Math.round(elapsedMs * 10) / 10 };
  }

  /** Who has confirmed a number so far, and who may never do so. */
  async confirmations(position: LedgerPosition): Promise<AccessConfirmationDto> {
    const leases = await this.leases(position);
    this.progress.noteRenewals(leases);
    const shortfalls = await this.progress.shortfalls(position, leaseIds(leases.filter(mayAdmit)), 0);
    const standings = byInstance(leases, (lease) => standingOf(lease, shortfalls.get(lease.lease_id)));
    const { confirmed, pending = [], unconfirmed } = standings;
    return { seq: position.seq, confirmed, pending, ...(unconfirmed && { unconfirmed }) };
  }

  private async leases({ seq }: LedgerPosition): Promise<HeldLease[]> {
    for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt++) {
      try {
        return await readHeldLeases(this.dataSource);
      } catch (error) {
        this.#logger.warn(`The leases can't be read (attempt ${attempt}): ${(error as Error).message}`);
      }
    }
    this.receipts.unknown += 1;
    throw unconfirmed(seq);
  }

  /**
   * Ends leases that have run out, but none that was renewed meanwhile: that gateway was handed the change before its lease was
   * extended, and the old one has run out as well.
   */
  private async fence(
    live: readonly HeldLease[],
    shortfalls: Map<string, Shortfall>,
    { seq }: LedgerPosition,
  ): Promise<void> {
    const late = live.filter((lease) => shortfalls.get(lease.lease_id) === 'late');
    if (late.length === 0) return;
    try {
      await this.dataSource.query(FENCE_SQL, [leaseIds(late), late.map((lease) => lease.renewals)]);
      const fenced = await this.dataSource.query<{ lease_id: string }[]>(FENCED_SQL, [leaseIds(late)]);
      for (const { lease_id } of fenced) shortfalls.set(lease_id, 'fenced');
    } catch (error) {
      this.#logger.warn(`Leases can't be fenced: ${(error as Error).message}`);
      throw unconfirmed(seq);
    }
  }
}

/**
 * Whether a lease was ever granted: a gateway that has registered and not renewed yet admits nobody by it, and its first renewal is
 * handed everything that was committed before it.
 */
function mayAdmit({ fenced, renewals }: HeldLease): boolean {
  return !fenced && renewals > 0;
}

const leaseIds = (leases: readonly HeldLease[]): string[] => leases.map((lease) => lease.lease_id);

function longestLeaseMs(leases: readonly HeldLease[]): number {
  return Math.max(0, ...leases.map((lease) => lease.lease_ms));
}

function standingOf(lease: HeldLease, shortfall: Shortfall | undefined): Standing {
  if (lease.fenced) return 'unconfirmed';
  if (!mayAdmit(lease)) return 'gone';
  if (shortfall === undefined) return 'confirmed';
  if (shortfall === 'released') return 'gone';
  if (shortfall === 'late') return 'pending';
  return lease.when_stale === 'allow' ? 'unconfirmed' : 'expired';
}

/** From the best to what must be said first. A gateway with several workers holds several leases and stands as its worst. */
const STANDINGS: readonly Standing[] = ['gone', 'confirmed', 'expired', 'pending', 'unconfirmed'];

function byInstance(
  leases: readonly HeldLease[],
  standingOfLease: (lease: HeldLease) => Standing,
): Pick<ReceiptDto, Exclude<Standing, 'gone'>> {
  const worst = new Map<string, number>();
  for (const lease of leases) {
    const standing = STANDINGS.indexOf(standingOfLease(lease));
    worst.set(lease.instance, Math.max(standing, worst.get(lease.instance) ?? 0));
  }
  const named = (standing: Standing): string[] =>
    [...worst.keys()].filter((instance) => STANDINGS[worst.get(instance)!] === standing).toSorted();
  const [pending, unconfirmedInstances] = [named('pending'), named('unconfirmed')];
  return {
    confirmed: named('confirmed'),
    expired: named('expired'),
    ...(pending.length > 0 && { pending }),
    ...(unconfirmedInstances.length > 0 && { unconfirmed: unconfirmedInstances }),
  };
}

function worstOf({
  expired,
  pending,
  unconfirmed,
}: Pick<ReceiptDto, Exclude<Standing, 'gone'>>): Exclude<Standing, 'gone'> {
  if (unconfirmed) return 'unconfirmed';
  if (pending) return 'pending';
  return expired.length > 0 ? 'expired' : 'confirmed';
}

function unconfirmed(seq: number): Problem {
  const detail = `The change is made, with the number ${seq}, but the database can't say now who has confirmed it; ask again`;
  return new Problem(503, 'revocation_unconfirmed', detail, { headers: { 'Retry-After': '1' }, members: { seq } });
}

const FENCE_SQL = `
  UPDATE gateway_leases lease SET fenced_at = now()
  FROM unnest($1::text[], $2::bigint[]) AS late (lease_id, renewals)
  WHERE lease.lease_id = late.lease_id AND lease.renewals = late.renewals AND released_at IS NULL AND fenced_at IS NULL`;
const FENCED_SQL = 'SELECT lease_id FROM gateway_leases WHERE lease_id = ANY($1) AND fenced_at IS NOT NULL';
