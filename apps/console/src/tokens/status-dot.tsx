import classes from './token-facts.module.css';
import type { TokenStatus } from './token.ts';

/** Green Active, orange Revoked, grey Expired; the word says it too. */
export function StatusDot({ status }: { status: TokenStatus }) {
  return (
    <span className={classes.status}>
      <span className={classes.dot} data-status={status} aria-hidden />
      {status}
    </span>
  );
}
