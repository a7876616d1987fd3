import { Injectable, Logger } from '@nestjs/common';
import { type AccessConfirmationDto, Problem, type ReceiptDto } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { GatewayProgress } from './gateway-progress.js';
import type { LedgerPosition } from './ledger-position.js';

/** Beyond the longest lease: a gateway counts from when it sent its renewal, and clocks run at slightly different rates. */
const LEASE_MARGIN_MS = 1_000;
/** A change that only gives access opens nothing that should be shut: it is waited for this long at most. */
const GRANT_WAIT_MS = 1_000;
const READ_ATTEMPTS = 3;

/** `takes` access away from someone, or only `gives` it. */
export type AccessEffect = 'takes' | 'gives';

interface LiveLease {
  lease_id: string;
  instance: string;
  lease_ms: number;
  renewals: number;
}

/**
 * The revocation barrier: when it has let a change through, no gateway admits by what was true before it.
 *
 * Each gateway that holds a lease either says that it has applied the change, or is waited for until its lease must have run out
 * on its own clock; then its lease is fenced, so that it must begin anew. No clock of another machine is trusted: both sides
 * count durations, this one later and longer. The rows are read after the commit: a gateway that renews later is handed the
 * change before its lease is extended. (docs/models/lease.pml is this protocol, model-checked.)
 */
@Injectable()
export class RevocationBarrier {
  readonly #logger = new Logger(RevocationBarrier.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly progress: GatewayProgress,
  ) {}

  /**
   * @param position of a change that is committed
   * @returns who has confirmed it; holds no database connection while it waits
   * @throws Problem 503 `revocation_unconfirmed` with the `seq`, when Postgres can't say who holds a lease
   */
  async pass(position: LedgerPosition, effect: AccessEffect): Promise<ReceiptDto> {
    const startedMs = performance.now();
    const leases = await this.liveLeases(position);
    const leaseIds = leases.map((lease) => lease.lease_id);
    const waitMs = effect === 'gives' ? GRANT_WAIT_MS : longestLeaseMs(leases) + LEASE_MARGIN_MS;
    const missing = await this.progress.reached(position, leaseIds, waitMs);
    const expired = effect === 'takes' ? await this.fence(leases, missing, position) : new Set<string>();
    return {
      seq: position.seq,
      ...byInstance(leases, missing, expired),
      elapsed_ms: Math.round((performance.now() - startedMs) * 10) / 10,
    };
  }

  /** Who has confirmed a number so far. */
  async confirmations(position: LedgerPosition): Promise<AccessConfirmationDto> {
    const leases = await this.liveLeases(position);
    const leaseIds = leases.map((lease) => lease.lease_id);
    const missing = await this.progress.reached(position, leaseIds, 0);
    const { confirmed, pending } = byInstance(leases, missing, new Set());
    return { seq: position.seq, confirmed, pending: pending ?? [] };
  }

  private async liveLeases({ seq }: LedgerPosition): Promise<LiveLease[]> {
    for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt++) {
      try {
        return await this.dataSource.query<LiveLease[]>(LIVE_LEASES_SQL);
      } catch (error) {
        this.#logger.warn(`The leases can't be read (attempt ${attempt}): ${(error as Error).message}`);
      }
    }
    throw unconfirmed(seq);
  }

  /**
   * Ends the leases that have run out, but none that was renewed meanwhile: that gateway was handed the change, and its old
   * lease has run out as well. @returns all of them
   */
  private async fence(
    leases: LiveLease[],
    missing: ReadonlySet<string>,
    { seq }: LedgerPosition,
  ): Promise<Set<string>> {
    const late = leases.filter((lease) => missing.has(lease.lease_id));
    if (late.length === 0) return new Set();
    try {
      await this.dataSource.query(FENCE_SQL, [
        late.map((lease) => lease.lease_id),
        late.map((lease) => lease.renewals),
      ]);
    } catch (error) {
      this.#logger.warn(`Leases can't be fenced: ${(error as Error).message}`);
      throw unconfirmed(seq);
    }
    return new Set(late.map((lease) => lease.lease_id));
  }
}

function longestLeaseMs(leases: readonly LiveLease[]): number {
  return Math.max(0, ...leases.map((lease) => lease.lease_ms));
}

/** A gateway with several workers holds several leases: it has confirmed when all of them have. */
function byInstance(
  leases: readonly LiveLease[],
  missing: ReadonlySet<string>,
  expired: ReadonlySet<string>,
): Pick<ReceiptDto, 'confirmed' | 'expired' | 'pending'> {
  const all = new Set(leases.map((lease) => lease.instance));
  const instancesOf = (ids: ReadonlySet<string>): Set<string> =>
    new Set(leases.filter((lease) => ids.has(lease.lease_id)).map((lease) => lease.instance));
  const late = instancesOf(missing);
  const over = instancesOf(expired);
  const pending = [...late].filter((instance) => !over.has(instance)).toSorted();
  return {
    confirmed: [...all].filter((instance) => !late.has(instance)).toSorted(),
    expired: [...over].toSorted(),
    ...(pending.length > 0 && { pending }),
  };
}

function unconfirmed(seq: number): Problem {
  const detail = `The change is made, with the number ${seq}, but the database can't say now who has confirmed it; ask again`;
  return new Problem(503, 'revocation_unconfirmed', detail, { headers: { 'Retry-After': '1' }, members: { seq } });
}

const LIVE_LEASES_SQL = `
  SELECT lease_id, instance, lease_ms, renewals FROM gateway_leases WHERE released_at IS NULL AND fenced_at IS NULL`;
const FENCE_SQL = `
  UPDATE gateway_leases lease SET fenced_at = now()
  FROM unnest($1::text[], $2::bigint[]) AS late (lease_id, renewals)
  WHERE lease.lease_id = late.lease_id AND lease.renewals = late.renewals AND released_at IS NULL AND fenced_at IS NULL`;
