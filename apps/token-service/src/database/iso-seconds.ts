/** ISO 8601 in UTC, whole seconds: `2027-11-21T12:34:56Z`. */
export function isoSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

export function isoSecondsOrNull(date: Date | null): string | null {
  return date === null ? null : isoSeconds(date);
}
