import { ApiError, messageOf } from '../api/problem.ts';
import { Notice } from './notice.tsx';
import classes from './stale-notice.module.css';

interface StaleNoticeProps {
  /** Why it could not be read again; nothing is said where it could. */
  error: unknown;
  /** When what is shown was read. */
  dataUpdatedAt: number;
}

/** Above what was read earlier and can't be read again now. */
export function StaleNotice({ error, dataUpdatedAt }: StaleNoticeProps) {
  if (!error) return null;
  const isOutage = !(error instanceof ApiError) || error.isOutage;
  return (
    <div className={classes.stale}>
      <Notice tone="warning" role="status">
        This is as of {new Date(dataUpdatedAt).toLocaleTimeString('en-GB')}:{' '}
        {isOutage ? 'Portcullis doesn’t answer at the moment.' : messageOf(error)}
      </Notice>
    </div>
  );
}
