import { Logger } from '@nestjs/common';
import { Problem } from '@portcullis/contracts';

/** What Postgres says to whoever writes on a standby: read_only_sql_transaction. */
export const READ_ONLY_TRANSACTION = '25006';

const REPEATED_AFTER_MS = 30_000;

const logger = new Logger('Database');
let lastSaid = { message: '', atMs: Number.NEGATIVE_INFINITY };

// PostgreSQL error codes (Appendix A) that say "not now" rather than "wrong", by their class: connection exceptions, no room, stopped
// from outside (`statement_timeout`, a shutdown), a system error; and a password or database that is being changed.
const UNAVAILABLE_CLASSES = new Set(['08', '28', '3D', '53', '57', '58']);
const UNAVAILABLE = new Set([
  READ_ONLY_TRANSACTION, // this one was the primary a moment ago
  '25P03', // idle_in_transaction_session_timeout
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  '55000', // object_not_in_prerequisite_state: "recovery is in progress", on a standby
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  // Its certificate.
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const SQLSTATE = /^[0-9A-Z]{5}$/;

const CONNECTION_LOST =
  /connection terminated|does not support SSL connections|timeout exceeded when trying to connect|client has encountered a connection error|connection error|query read timeout/i;

// What TypeORM says of each further statement of a transaction whose connection was lost between two of them.
const TRANSACTION_LOST = new Set(['QueryRunnerAlreadyReleasedError', 'QueryRunnerProviderAlreadyReleasedError']);

/** Whether Postgres couldn't do it now, and the same call may work in a moment. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && isUnavailableCode(code)) return true;
  return TRANSACTION_LOST.has(error.name) || CONNECTION_LOST.test(error.message);
}

function isUnavailableCode(code: string): boolean {
  return UNAVAILABLE.has(code) || (SQLSTATE.test(code) && UNAVAILABLE_CLASSES.has(code.slice(0, 2)));
}

/** The name of the constraint that a statement ran into (unique_violation, foreign_key_violation), if it did. */
export function violatedConstraint(error: unknown): string | undefined {
  const { code, constraint } = error as { code?: unknown; constraint?: string };
  return code === '23505' || code === '23503' ? constraint : undefined;
}

/** For {@link ProblemFilter}: Postgres being away is 503 and no fault of the caller. */
export function databaseProblem(error: unknown): Problem | undefined {
  if (!isDatabaseUnavailable(error)) return undefined;
  say((error as Error).message);
  return new Problem(503, 'unavailable', 'The database does not answer at the moment; try again', {
    headers: { 'Retry-After': '1' },
  });
}

/** Not for each request: those that fail of one cause come by the thousand. */
function say(message: string): void {
  const nowMs = performance.now();
  if (message === lastSaid.message && nowMs - lastSaid.atMs < REPEATED_AFTER_MS) return;
  lastSaid = { message, atMs: nowMs };
  logger.warn(`The database can't do it now: ${message}`);
}
