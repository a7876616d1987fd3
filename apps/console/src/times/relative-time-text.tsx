import { exactTime, relativeTime } from './relative-time.ts';
import { useNow } from './use-now.ts';

/** "5 minutes ago", with the exact time on hover. */
export function RelativeTimeText({ time, prefix = '' }: { time: string; prefix?: string }) {
  const now = useNow();
  return (
    <time dateTime={time} title={exactTime(time)}>
      {prefix}
      {/* The clock of useNow lags by up to a step: what has just happened isn't yet to come. */}
      {relativeTime(time, Math.max(now, Math.min(Date.parse(time), Date.now())))}
    </time>
  );
}
