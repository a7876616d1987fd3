import { useState } from 'react';
import type { UsageHourDto } from '../api/generated/types.gen.ts';
import { exactHour } from '../times/relative-time.ts';
import classes from './usage-chart.module.css';

const count = new Intl.NumberFormat('en');
const WIDTH = 1_000;
const HEIGHT = 140;
/** How much of an hour's width its bar takes. */
const BAR_SHARE = 0.78;
const LABELS = 5;

interface UsageChartProps {
  /** One after another, none left out. */
  hours: readonly UsageHourDto[];
  total: number;
  spanText: string;
}

/** Bars of requests per hour. What it shows is also said in words, for those who don't see it. */
export function UsageChart({ hours, total, spanText }: UsageChartProps) {
  const [shown, setShown] = useState<UsageHourDto>();
  const most = hours.reduce((max, hour) => (hour.count > max.count ? hour : max), hours[0]!);
  const summary = total === 0 ? `No requests in ${spanText}` : `${requests(total)} in ${spanText}`;
  const peak = total === 0 ? '' : `, at most ${count.format(most.count)} in an hour (${exactHour(most.hour)})`;
  const step = WIDTH / hours.length;
  return (
    <figure className={classes.figure}>
      <figcaption className={classes.caption}>
        {shown ? `${exactHour(shown.hour)}: ${requests(shown.count)}` : summary + peak}
      </figcaption>
      <svg
        className={classes.chart}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary + peak}
        onMouseLeave={() => setShown(undefined)}
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className={classes.axis} vectorEffect="non-scaling-stroke" />
        {hours.map((hour, index) => {
          const height = hour.count === 0 ? 0 : Math.max(2, (hour.count / most.count) * (HEIGHT - 4));
          return (
            <g key={hour.hour} onMouseEnter={() => setShown(hour)} className={classes.hour}>
              <rect x={index * step} width={step} y={0} height={HEIGHT} className={classes.reach} />
              <rect
                x={(index + (1 - BAR_SHARE) / 2) * step}
                width={step * BAR_SHARE}
                y={HEIGHT - height}
                height={height}
              />
            </g>
          );
        })}
      </svg>
      <div className={classes.labels} aria-hidden>
        {Array.from({ length: LABELS }, (_, index) => {
          const hour = hours[Math.round((index * (hours.length - 1)) / (LABELS - 1))]!;
          return <span key={hour.hour}>{labelOf(hour.hour, hours.length)}</span>;
        })}
      </div>
    </figure>
  );
}

function requests(n: number): string {
  return `${count.format(n)} ${n === 1 ? 'request' : 'requests'}`;
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

function labelOf(hour: string, hours: number): string {
  return (hours <= 24 ? clock : day).format(new Date(hour));
}
