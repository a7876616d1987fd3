import type { Stack } from './stack.ts';

/** How often a token was used, as it is counted so far. */
export async function countedUses(stack: Stack, tokenId: number): Promise<number> {
  const { rows } = await stack.database.pool.query<{ count: number }>(
    'SELECT coalesce(sum(count), 0)::integer AS count FROM token_usage_hourly WHERE token_id = $1',
    [tokenId],
  );
  return rows[0]!.count;
}

/** The address of the last caller in the latest hour; undefined while no use is counted. */
export async function lastAddress(stack: Stack, tokenId: number): Promise<string | undefined> {
  const { rows } = await stack.database.pool.query<{ last_ip: string }>(
    'SELECT last_ip FROM token_usage_hourly WHERE token_id = $1 ORDER BY hour DESC LIMIT 1',
    [tokenId],
  );
  return rows[0]?.last_ip;
}
