import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '../app/icons.ts';
import type { ReactNode } from 'react';
import classes from './notice.module.css';

const ICONS = { info: IconInfoCircle, warning: IconAlertTriangle, danger: IconCircleX };

interface NoticeProps {
  tone: keyof typeof ICONS;
  /** `alert` is read out at once; the default for what went wrong. */
  role?: 'alert' | 'status' | 'note';
  children: ReactNode;
}

/** A message in the page, where it matters. */
export function Notice({ tone, role = tone === 'danger' ? 'alert' : 'note', children }: NoticeProps) {
  const Icon = ICONS[tone];
  return (
    <div className={classes.notice} data-tone={tone} role={role}>
      <Icon size={18} aria-hidden className={classes.icon} />
      <div>{children}</div>
    </div>
  );
}
