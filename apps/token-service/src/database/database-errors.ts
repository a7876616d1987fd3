import { Problem } from '@portcullis/contracts';

/** What Postgres says to whoever writes on a standby: read_only_sql_transaction. */
export const READ_ONLY_TRANSACTION = '25006';

// PostgreSQL error codes (Appendix A) that say "not now" rather than "wrong": connection exceptions are class 08.
const UNAVAILABLE = new Set([
  READ_ONLY_TRANSACTION,
  '25P03', // idle_in_transaction_session_timeout
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '53300', // too_many_connections
  '55P03', // lock_not_available
  '55000', // object_not_in_prerequisite_state: "recovery is in progress", on a standby
  '57014', // query_canceled (statement_timeout)
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'ETIMEDOUT',
]);

const CONNECTION_LOST =
  /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|connection error|query read timeout/i;

// What TypeORM says of each further statement of a transaction whose connection was lost between two of them.
const TRANSACTION_LOST = new Set(['QueryRunnerAlreadyReleasedError', 'QueryRunnerProviderAlreadyReleasedError']);

/** Whether Postgres couldn't do it now, and the same call may work in a moment. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && (UNAVAILABLE.has(code) || code.startsWith('08'))) return true;
  return TRANSACTION_LOST.has(error.name) || CONNECTION_LOST.test(error.message);
}

/** The name of the constraint that a statement ran into (unique_violation, foreign_key_violation), if it did. */
export function violatedConstraint(error: unknown): string | undefined {
  const { code, constraint } = error as { code?: unknown; constraint?: string };
  return code === '23505' || code === '23503' ? constraint : undefined;
}

/** For {@link ProblemFilter}: Postgres being away is 503 and no fault of the caller. */
export function databaseProblem(error: unknown): Problem | undefined {
  if (!isDatabaseUnavailable(error)) return undefined;
  return new Problem(503, 'unavailable', 'The database does not answer at the moment; try again', {
    headers: { 'Retry-After': '1' },
  });
}
