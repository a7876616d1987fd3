import type { WhenStale } from '@portcullis/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { prepared } from '../database/prepared.js';

/** A lease that may still let someone in, or of which a receipt must speak. */
export interface HeldLease {
  lease_id: string;
  instance: string;
  lease_ms: number;
  renewals: number;
  /** `allow`: with its lease over it goes on with its last view, so that no waiting helps. */
  when_stale: WhenStale;
  fenced: boolean;
  epoch: string | null;
  applied_seq: number | null;
}

/** Every lease that a change has to reach. Read them after its commit: a gateway that renews later is handed the change first. */
export function readHeldLeases(source: EntityManager | DataSource): Promise<HeldLease[]> {
  return prepared<HeldLease>(source, HELD_LEASES_SQL, []);
}

// A row is live until it is released or fenced. A fenced gateway that allows is listed for a day, unless it was granted a lease
// anew: it may still be serving, and a receipt must not keep quiet about it. A registration whose answer was lost is nobody's.
const HELD_LEASES_SQL = `
  SELECT lease_id, instance, lease_ms, renewals, when_stale, fenced_at IS NOT NULL AS fenced, epoch, applied_seq
  FROM gateway_leases lease
  WHERE released_at IS NULL AND (fenced_at IS NULL OR (
    when_stale = 'allow' AND renewals > 0 AND fenced_at > now() - interval '1 day' AND NOT EXISTS (
      SELECT FROM gateway_leases later
      WHERE later.instance = lease.instance AND later.worker = lease.worker AND later.registered_at > lease.registered_at
        AND later.renewals > 0)))`;
