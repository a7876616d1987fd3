import { makeServiceUser } from '../../test/harness/fixtures.ts';
import type { Stack } from '../../test/harness/stack.ts';
import { formatMs } from '../measuring/distribution.ts';
import { timed } from './receipts.ts';

/** One bulk revoke of many tokens, to its one receipt. */
export async function measureBulk(stack: Stack, tokens: number): Promise<string[]> {
  const user = await makeServiceUser(stack.admin);
  await stack.database.pool.query(INSERT_SQL, [user.id, tokens]);
  let confirmed = 0;
  const tookMs = await timed(async () => {
    const { body } = await stack.admin.post('/api/user-tokens/revoke', { user_id: user.id });
    if (body.count !== tokens) throw new Error(`revoked ${body.count} of ${tokens}`);
    confirmed = body.receipt.confirmed.length;
  });
  return [`bulk revoke of ${tokens} tokens, confirmed by ${confirmed} gateways: ${formatMs(tookMs)}`];
}

/** Rows as issuing makes them; nobody uses these tokens, so their HMACs are of nothing. */
const INSERT_SQL = `
  INSERT INTO tokens (user_id, name, type, scim, kid, token_hmac, hint, created_at)
  SELECT $1, 'bulk ' || n, 'Service', false, (SELECT kid FROM signing_keys LIMIT 1), '\\x00', 'none', now()
  FROM generate_series(1, $2::integer) AS n`;
