import { Injectable } from '@nestjs/common';
import type { TokenUsageDto } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { isoSeconds } from '../database/iso-seconds.js';

interface HourRow {
  hour: Date;
  count: number;
}

interface LastUseRow {
  last_used: Date;
  ip: string;
  gateway: string;
}

/** Reads how a token was used. */
@Injectable()
export class TokenUsage {
  constructor(private readonly dataSource: DataSource) {}

  /** @param hours how many, the present one included */
  async read(tokenId: number, hours: number): Promise<TokenUsageDto> {
    const rows = await this.dataSource.query<HourRow[]>(HOURS_SQL, [tokenId, hours]);
    const [last] = await this.dataSource.query<LastUseRow[]>(LAST_USE_SQL, [tokenId]);
    return {
      token_id: tokenId,
      total: rows.reduce((sum, { count }) => sum + count, 0),
      hours: rows.map(({ hour, count }) => ({ hour: isoSeconds(hour), count })),
      last_use: last ? { at: isoSeconds(last.last_used), address: last.ip, gateway: last.gateway } : null,
    };
  }
}

const HOURS_SQL = `
  SELECT start.hour, coalesce(used.count, 0) AS count
  FROM generate_series(
    date_trunc('hour', now()) - make_interval(hours => $2::integer - 1), date_trunc('hour', now()), '1 hour'
  ) AS start (hour)
  LEFT JOIN token_usage_hourly used ON used.token_id = $1 AND used.hour = start.hour
  ORDER BY start.hour`;
const LAST_USE_SQL = 'SELECT last_used, ip, gateway FROM token_last_used WHERE token_id = $1';
