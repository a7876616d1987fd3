const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3_600, day: 86_400 };
const FORM = /^([1-9]\d{0,6})\/(s|min|h|day)(?: burst ([1-9]\d{0,6}))?$/;
const COUNT_MAX = 1_000_000;

/** What {@link parseRate} takes, for messages. */
export const RATE_FORM = `a rate such as 100/s, 6000/min, 1000/h or "100/s burst 20", with numbers from 1 to ${COUNT_MAX}`;

/** So many in such a time, and at most so many at once: a bucket that holds `burst` and fills up again steadily. */
export class Rate {
  /** In which one more comes free. */
  readonly intervalMs: number;
  /** In which an empty bucket is full again. */
  readonly depthMs: number;

  constructor(
    readonly count: number,
    readonly windowSeconds: number,
    readonly burst: number = count,
  ) {
    this.intervalMs = (windowSeconds * 1_000) / count;
    this.depthMs = this.intervalMs * burst;
  }
}

/** Reads `<count>/<s|min|h|day>`, with ` burst <count>` where it isn't the same. @returns undefined for anything else */
export function parseRate(text: unknown): Rate | undefined {
  const [, count, unit, burst = count] = (typeof text === 'string' && FORM.exec(text)) || [];
  const windowSeconds = UNIT_SECONDS[unit ?? ''];
  if (windowSeconds === undefined || Number(count) > COUNT_MAX || Number(burst) > COUNT_MAX) return undefined;
  return new Rate(Number(count), windowSeconds, Number(burst));
}
