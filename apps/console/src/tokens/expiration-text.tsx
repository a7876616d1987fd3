import { DAY_MS, dayOf, exactTime, relativeTime } from '../times/relative-time.ts';
import { useNow } from '../times/use-now.ts';
import classes from './token-facts.module.css';

const SOON_DAYS = 30;

/** The day, and how far away it is: amber under 30 days. */
export function ExpirationText({ expiration }: { expiration: string | null }) {
  const now = useNow();
  if (expiration === null) return <span className={classes.quiet}>Never</span>;
  const daysLeft = (Date.parse(expiration) - now) / DAY_MS;
  return (
    <time dateTime={expiration} title={exactTime(expiration)} className={classes.expiration}>
      {dayOf(expiration)}{' '}
      <span data-soon={daysLeft > 0 && Math.round(daysLeft) < SOON_DAYS}>{relativeTime(expiration, now)}</span>
    </time>
  );
}
