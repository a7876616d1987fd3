import { Problem } from '@portcullis/contracts';

// PostgreSQL error codes (Appendix A) that say "not now" rather than "wrong".
const UNAVAILABLE = new Set([
  '25006', // read_only_sql_transaction: a primary that has become a standby
  '25P03', // idle_in_transaction_session_timeout
  '3D000', // invalid_catalog_name
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  '57014', // query_canceled (statement_timeout)
]);
/** Connection exceptions, a password or role that isn't let in any more, no room for it, a server that ends or begins. */
const UNAVAILABLE_CLASSES = /^(?:08|28|53|57P)[0-9A-Z]+$/;

/** Of Node, when the way to Postgres or its certificate is broken. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

const CONNECTION_LOST =
  /connection terminated|does not support SSL connections|timeout exceeded when trying to connect|client has encountered a connection error|connection error|query read timeout/i;

// What TypeORM says of each further statement of a transaction whose connection was lost between two of them.
const TRANSACTION_LOST = new Set(['QueryRunnerAlreadyReleasedError', 'QueryRunnerProviderAlreadyReleasedError']);

/** Whether Postgres couldn't do it now, and the same call may work in a moment. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && saysUnavailable(code)) return true;
  return TRANSACTION_LOST.has(error.name) || CONNECTION_LOST.test(error.message);
}

const saysUnavailable = (code: string): boolean =>
  UNAVAILABLE.has(code) || UNREACHABLE.has(code) || UNAVAILABLE_CLASSES.test(code);

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
