import { DAY_MS, dayOf, exactTime, relativeTime } from '../times/relative-time.ts';
import { useNow } from '../times/use-now.ts';
import classes from './token-facts.module.css';

const SOON_MS = 30 * DAY_MS;

/** The day, and how far away it is: amber under 30 days. */
export function ExpirationText({ expiration }: { expiration: string | null }) {
  const now = useNow();
  if (expiration === null) return <span className={classes.quiet}>Never</span>;
  const leftMs = Date.parse(expiration) - now;
  return (
    <time dateTime={expiration} title={exactTime(expiration)} className={classes.expiration}>
      {dayOf(expiration)} <span data-soon={leftMs > 0 && leftMs < SOON_MS}>{relativeTime(expiration, now)}</span>
    </time>
  );
}
