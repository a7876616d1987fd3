export interface LedgerPosition {
  /** The ledger's identity: it changes when Postgres is another one, or was restored. */
  epoch: string;
  /** The latest number. */
  seq: number;
}

/**
 * The epoch as gateways see it: the stored random id, the database system and its timeline. A restored or promoted Postgres
 * has another timeline; a primary only, since a standby refuses `pg_current_wal_lsn()`.
 */
export const EPOCH_SQL = `epoch || '.' || (SELECT system_identifier FROM pg_control_system())
  || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`;

export const LEDGER_POSITION_SQL = `SELECT seq, ${EPOCH_SQL} AS epoch FROM access_clock`;
