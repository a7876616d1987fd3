import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LEASE_MARGIN_MS } from './revocation-barrier.js';

const SWEEP_MS = 1_000;

interface LeaseRow {
  lease_id: string;
  lease_ms: number;
  renewals: number;
}

/**
 * Fences the leases of gateways that are gone, by the barrier's own rule, so that the next revocation needn't wait for them:
 * a lease whose renewal count has stood still for its length and a second, on this process's monotonic clock.
 */
@Injectable()
export class LeaseSweeper implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger(LeaseSweeper.name);
  #seen = new Map<string, { renewals: number; sinceMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping = false;

  constructor(private readonly dataSource: DataSource) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  private async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      const rows = await this.dataSource.query<LeaseRow[]>(LIVE_SQL);
      const over = this.#observe(rows, performance.now());
      for (const lease of over) await this.dataSource.query(FENCE_SQL, [lease.lease_id, lease.renewals]);
    } catch (error) {
      this.#logger.debug(`Leases can't be swept: ${(error as Error).message}`);
    } finally {
      this.#sweeping = false;
    }
  }

  /** @returns the leases that have stood still for too long */
  #observe(rows: readonly LeaseRow[], nowMs: number): LeaseRow[] {
    const seen = new Map<string, { renewals: number; sinceMs: number }>();
    for (const { lease_id, renewals } of rows) {
      const before = this.#seen.get(lease_id);
      seen.set(lease_id, before?.renewals === renewals ? before : { renewals, sinceMs: nowMs });
    }
    this.#seen = seen;
    return rows.filter(({ lease_id, lease_ms }) => nowMs - seen.get(lease_id)!.sinceMs > lease_ms + LEASE_MARGIN_MS);
  }
}

const LIVE_SQL = `SELECT lease_id, lease_ms, renewals FROM gateway_leases WHERE released_at IS NULL AND fenced_at IS NULL`;
const FENCE_SQL = `
  UPDATE gateway_leases SET fenced_at = now()
  WHERE lease_id = $1 AND renewals = $2 AND released_at IS NULL AND fenced_at IS NULL`;
