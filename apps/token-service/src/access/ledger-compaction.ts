import type { Batches } from '../retention/batches.js';
import type { PurgeSession } from '../retention/purge-session.js';

/** Each batch holds the clock that every change of access waits for. */
const BATCH_ENTRIES_MAX = 500;

/**
 * Drops entries of the ledger that nothing could use any more, such as that of a token a day after its time. A gateway that has not
 * come as far as the latest of them takes a snapshot (`compacted_seq`), since a delta would keep quiet about them.
 *
 * @returns how many were dropped
 */
export function compactLedger(session: PurgeSession, batches: Batches): Promise<number> {
  return batches.run(BATCH_ENTRIES_MAX, () =>
    session.executeBehind('SELECT FROM access_clock FOR UPDATE', DROP_SQL, [BATCH_ENTRIES_MAX]),
  );
}

const DROP_SQL = `
  WITH gone AS (
    DELETE FROM access_entries
    WHERE (kind, id) IN (
      SELECT kind, id FROM access_entries WHERE drop_after < now() ORDER BY drop_after LIMIT $1)
    RETURNING seq
  ), compacted AS (
    UPDATE access_clock SET compacted_seq = greatest(compacted_seq, latest.seq)
    FROM (SELECT max(seq) AS seq FROM gone) latest WHERE latest.seq IS NOT NULL
  )
  SELECT FROM gone`;
