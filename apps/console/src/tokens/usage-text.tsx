import type { TokenDto } from '../api/generated/types.gen.ts';
import { RelativeTimeText } from '../times/relative-time-text.tsx';
import classes from './token-facts.module.css';

/** "Last Used 5 minutes ago", or "Not Used". */
export function UsageText({ token }: { token: Pick<TokenDto, 'last_used'> }) {
  if (token.last_used === null) return <span className={classes.quiet}>Not Used</span>;
  return <RelativeTimeText prefix="Last Used " time={token.last_used} />;
}
