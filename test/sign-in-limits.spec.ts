import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePersonWithPassword } from './harness/people.ts';
import { signIn, trySignIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';

let stack: Stack;
beforeAll(
  async () =>
    (stack = await Stack.start({ tokenServices: 2, gatewayEnv: { PORTCULLIS_TRUSTED_PROXIES: '127.0.0.1' } })),
);
afterAll(() => stack.stop());

const ACCOUNT_BURST = 10;
const ADDRESS_BURST = 50;

/** Someone at this address, as the proxy in front of the gateway says. */
const from = (address: string): Record<string, string> => ({ 'X-Forwarded-For': address });

let network = 0;
/** An address that no other test has. */
const newAddress = (): string => `198.51.${(network += 1)}.7`;

/** How often which status came, with a few attempts at a time. */
async function statuses(
  attempts: number,
  attempt: (n: number) => Promise<{ status: number }>,
  atOnce = 5,
): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let n = 0; n < attempts; n += atOnce) {
    const size = Math.min(atOnce, attempts - n);
    for (const { status } of await Promise.all(Array.from({ length: size }, (_, i) => attempt(n + i))))
      counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

describe('attempts to sign in', () => {
  it('are limited per account, from however many addresses, and the answer says how long to wait', async () => {
    const { user } = await makePersonWithPassword(stack.admin);
    const counts = await statuses(ACCOUNT_BURST + 5, () =>
      trySignIn(stack.client(0), user.user_name, 'wrong', from(newAddress())),
    );
    expect(counts).toEqual({ 401: ACCOUNT_BURST, 429: 5 });
    const refused = await trySignIn(stack.client(0), user.user_name.toUpperCase(), 'wrong', from(newAddress()));
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_attempts' } });
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(300);
  });

  it('are limited for a name that nobody has, just the same', async () => {
    const name = 'nobody.at.all@example.com';
    const counts = await statuses(ACCOUNT_BURST + 2, () =>
      trySignIn(stack.client(0), name, 'wrong', from(newAddress())),
    );
    expect(counts).toEqual({ 401: ACCOUNT_BURST, 429: 2 });
  });

  it('are limited per address, for however many names, and per network of IPv6', async () => {
    for (const address of [() => '203.0.113.5', () => `2001:db8:1:2::${(network += 1).toString(16)}`]) {
      const counts = await statuses(ADDRESS_BURST + 5, (n) =>
        trySignIn(stack.client(0), `name-${address()}-${n}`, 'x', from(address())),
      );
      expect(counts[429]).toBeGreaterThanOrEqual(3); // one comes free every ten seconds
      expect(counts[401]).toBeGreaterThanOrEqual(ADDRESS_BURST);
    }
  });

  it('that come all at once are counted each', async () => {
    const { user } = await makePersonWithPassword(stack.admin);
    const tries = Array.from({ length: 40 }, () =>
      trySignIn(stack.client(0), user.user_name, 'wrong', from(newAddress())),
    );
    const found = (await Promise.all(tries)).map(({ status }) => status);
    expect(found.filter((status) => status === 401)).toHaveLength(ACCOUNT_BURST);
  });

  it('with the right password are not held against anyone', async () => {
    const { user, password } = await makePersonWithPassword(stack.admin);
    const address = newAddress();
    const attempt = () => trySignIn(stack.client(0), user.user_name, password, from(address));
    const counts = await statuses(ACCOUNT_BURST + 5, attempt, 1);
    expect(counts).toEqual({ 200: ACCOUNT_BURST + 5 });
  });

  it('of an attacker do not shut their owner out where they have signed in before', async () => {
    const { user, password } = await makePersonWithPassword(stack.admin);
    const home = newAddress();
    expect((await trySignIn(stack.client(0), user.user_name, password, from(home))).status).toBe(200);
    await statuses(ACCOUNT_BURST + 1, () => trySignIn(stack.client(0), user.user_name, 'wrong', from(newAddress())));
    expect((await trySignIn(stack.client(0), user.user_name, password, from(newAddress()))).status).toBe(429);
    expect((await trySignIn(stack.client(0), user.user_name, password, from(home))).status).toBe(200);
  });

  it('come free again with time', async () => {
    const { user, password } = await makePersonWithPassword(stack.admin);
    await statuses(ACCOUNT_BURST + 1, () => trySignIn(stack.client(0), user.user_name, 'wrong', from(newAddress())));
    await stack.database.pool.query(`UPDATE sign_in_limits SET full_at = full_at - interval '5 minutes'`);
    expect((await trySignIn(stack.client(0), user.user_name, password, from(newAddress()))).status).toBe(200);
  });

  it('are counted over replicas and restarts, and an address that was made up counts for nothing', async () => {
    const { user } = await makePersonWithPassword(stack.admin);
    const half = ACCOUNT_BURST / 2;
    const attempt = (service: number) => trySignIn(stack.direct(service), user.user_name, 'wrong', from(newAddress()));
    expect(await statuses(half, () => attempt(0))).toEqual({ 401: half });
    await stack.tokenServices[0]!.restart();
    expect(await statuses(half, () => attempt(1))).toEqual({ 401: half });
    expect((await attempt(0)).status).toBe(429);
    const { rows } = await stack.database.pool.query(
      `SELECT count(*)::integer AS n FROM sign_in_addresses WHERE address LIKE '127.%'`,
    );
    expect(rows[0].n).toBe(0);
  });

  it('are limited for the old password too, when a session asks for a new one', async () => {
    const { user, password } = await makePersonWithPassword(stack.admin);
    const session = await signIn(stack.client(0), user.user_name, password);
    const attempt = () =>
      session.put(`/api/users/${user.id}/password`, { password: 'another password', current_password: 'wrong' });
    expect(await statuses(ACCOUNT_BURST + 2, attempt)).toMatchObject({ 400: ACCOUNT_BURST, 429: 2 });
  });
});
