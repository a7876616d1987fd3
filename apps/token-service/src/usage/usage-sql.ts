// Plain SQL over whole batches. Rows are always taken in the order of token ids, so that replicas that work on the same tokens
// wait for each other and never deadlock. What a gateway says is later than now() counts as now: its clock is ahead.

/** $1 batch id. Gives a row when the batch is new; waits for a replica that is at the same batch. */
export const REMEMBER_BATCH = `
  INSERT INTO usage_batches (id) VALUES ($1) ON CONFLICT (id) DO NOTHING RETURNING id`;

/** $1 token ids, $2 hours, $3 interval in seconds. Tokens that are due for an event, or have no row for the hour yet. */
export const NEWLY_USED = `
  SELECT DISTINCT b.token_id
  FROM unnest($1::bigint[], $2::bigint[]) AS b (token_id, hour)
  LEFT JOIN token_last_used l ON l.token_id = b.token_id
  LEFT JOIN token_usage_hourly h
    ON h.token_id = b.token_id AND h.hour = least(to_timestamp(b.hour), date_trunc('hour', now()))
  WHERE h.token_id IS NULL OR l.event_at IS NULL OR l.event_at <= now() - make_interval(secs => $3)`;

/** $1 token ids, $2 counts, $3 last uses in milliseconds, $4 addresses, $5 gateway, $6 interval in seconds. */
export const UPSERT_LAST_USED = `
  INSERT INTO token_last_used AS l (token_id, last_used, ip, gateway, count_since_event)
  SELECT b.token_id, least(to_timestamp(b.last_used / 1000.0), now()), b.ip, $5, b.count
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) AS b (token_id, count, last_used, ip)
  JOIN tokens t ON t.id = b.token_id
  ORDER BY b.token_id
  ON CONFLICT (token_id) DO UPDATE SET
    last_used = greatest(l.last_used, excluded.last_used),
    ip = CASE WHEN excluded.last_used >= l.last_used THEN excluded.ip ELSE l.ip END,
    gateway = CASE WHEN excluded.last_used >= l.last_used THEN excluded.gateway ELSE l.gateway END,
    count_since_event = l.count_since_event + excluded.count_since_event
  RETURNING token_id, last_used, ip, gateway, count_since_event,
    (event_at IS NULL OR event_at <= now() - make_interval(secs => $6)) AS is_due`;

/** $1 token ids, $2 hours, $3 counts, $4 last uses in milliseconds, $5 addresses. */
export const UPSERT_HOURS = `
  INSERT INTO token_usage_hourly AS h (token_id, hour, count, last_used, last_ip)
  SELECT token_id, hour, sum(count), max(last_used), (array_agg(ip ORDER BY last_used DESC))[1]
  FROM (
    SELECT b.token_id, least(to_timestamp(b.hour), date_trunc('hour', now())) AS hour, b.count,
           least(to_timestamp(b.last_used / 1000.0), now()) AS last_used, b.ip
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[]) AS b (token_id, hour, count, last_used, ip)
    JOIN tokens t ON t.id = b.token_id
  ) clamped
  GROUP BY token_id, hour
  ORDER BY token_id, hour
  ON CONFLICT (token_id, hour) DO UPDATE SET
    count = h.count + excluded.count,
    last_used = greatest(h.last_used, excluded.last_used),
    last_ip = CASE WHEN excluded.last_used >= h.last_used THEN excluded.last_ip ELSE h.last_ip END`;

/** $1 ids of tokens whose event was written. */
export const MARK_ANNOUNCED = `
  UPDATE token_last_used SET event_at = now(), count_since_event = 0 WHERE token_id = ANY ($1::bigint[])`;
