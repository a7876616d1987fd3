/** Each with its seconds, and from how many on it is used. */
const UNITS: readonly [Intl.RelativeTimeFormatUnit, number, number][] = [
  ['year', 365 * 86_400, 700 * 86_400],
  ['month', 30 * 86_400, 120 * 86_400],
  ['day', 86_400, 86_400],
  ['hour', 3_600, 3_600],
  ['minute', 60, 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

export const DAY_MS = 86_400_000;

/** @returns such as "5 minutes ago" or "in 12 days"; under a minute away "just now" */
export function relativeTime(time: string, nowMs: number): string {
  const seconds = (Date.parse(time) - nowMs) / 1_000;
  const [unit, size] = UNITS.find(([, , from]) => Math.abs(seconds) >= from) ?? ['second', 1];
  if (unit === 'second') return 'just now';
  return relative.format(Math.round(seconds / size), unit);
}

/** @returns date and time to the second, in the reader's time zone */
export function exactTime(time: string): string {
  return exact.format(new Date(time));
}

/** @returns the day, in the reader's time zone */
export function dayOf(time: string): string {
  return date.format(new Date(time));
}

const hour = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** @returns day and hour, in the reader's time zone */
export function exactHour(time: string): string {
  return hour.format(new Date(time));
}
