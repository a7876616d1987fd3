import type { HeldLease } from './held-leases.js';

export interface LedgerPosition {
  /** The ledger's identity: it changes when Postgres is another one, or was restored. */
  epoch: string;
  /** The latest number. */
  seq: number;
}

/** The number of a change, or of what was true already, once it is committed. */
export interface CommittedPosition extends LedgerPosition {
  /** Who held a lease right after the commit; undefined where that is still to be read. */
  leases?: readonly HeldLease[] | undefined;
}

/**
 * The epoch as gateways see it: the stored random id, the database system and its timeline. A restored or promoted Postgres
 * has another timeline; a primary only, since a standby refuses `pg_current_wal_lsn()`.
 */
export const EPOCH_SQL = `epoch || '.' || (SELECT system_identifier FROM pg_control_system())
  || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`;

export const LEDGER_POSITION_SQL = `SELECT seq, ${EPOCH_SQL} AS epoch FROM access_clock`;
