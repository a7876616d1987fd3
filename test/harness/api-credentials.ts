import { CSRF_HEADER } from '@portcullis/contracts';
import { makeServiceToken, makeServiceUser, makeToken } from './fixtures.ts';
import { signIn } from './session-client.ts';
import type { Stack } from './stack.ts';

export type Headers = Record<string, string>;

/** Headers that say who asks. */
export interface ApiCredentials {
  admin: Headers;
  /** A service user that is Admin too: with it the last person who is Admin can be gone for. */
  serviceAdmin: Headers;
  member: Headers;
  scim: Headers;
  /** Of the Admin, signed in. */
  session: Headers;
}

export const bearer = (token: string): Headers => ({ Authorization: `Bearer ${token}` });

/** Makes those who ask, before the story begins with the numbers of its examples. */
export async function makeCredentials(stack: Stack): Promise<ApiCredentials> {
  const { admin, adminToken, adminPassword } = stack;
  const member = await makeServiceToken(admin, { name: 'Reader', role: 'Member' });
  const serviceAdmin = await makeServiceToken(admin, { name: 'Operations', role: 'Admin' });
  const { id } = await makeServiceUser(admin, { name: 'Identity provider', role: 'Member' });
  const scim = await makeToken(admin, { user_id: id, scim: true, name: 'provisioning' });
  const { cookie } = await signIn(stack.client(0), 'admin', adminPassword);
  return {
    admin: bearer(adminToken),
    serviceAdmin: bearer(serviceAdmin.bearer_token),
    member: bearer(member.bearer_token),
    scim: bearer(scim.bearer_token),
    session: { Cookie: cookie, [CSRF_HEADER]: '1' },
  };
}

/** The numbers that the examples have, so that they can be sent as they stand. */
export async function countFrom(stack: Stack, table: 'users' | 'teams' | 'tokens', next: number): Promise<void> {
  await stack.database.pool.query('SELECT setval(pg_get_serial_sequence($1, $2), $3)', [table, 'id', next - 1]);
}
