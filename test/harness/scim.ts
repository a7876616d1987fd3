import type { CreatedTokenDto } from '@portcullis/contracts';
import { expect } from 'vitest';
import { makeServiceUser, makeToken, uniqueName } from './fixtures.ts';
import type { Answer, CallOptions, HttpClient, Json } from './http-client.ts';
import type { Stack } from './stack.ts';

/** A SCIM administration token of a service user of its own. */
export async function scimToken(admin: HttpClient): Promise<string> {
  const { id } = await makeServiceUser(admin, { role: 'Member' });
  return (await makeToken(admin, { user_id: id, scim: true })).bearer_token;
}

/** Calls SCIM as an identity provider does. */
export class ScimClient {
  readonly http: HttpClient;
  readonly base: string;

  constructor(http: HttpClient, base = '/scim/v2') {
    this.http = http;
    this.base = base;
  }

  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<Json>> {
    const options: CallOptions =
      body === undefined ? { headers } : { body, headers: { 'Content-Type': 'application/scim+json', ...headers } };
    return this.http.call(method, this.base + path, options);
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer<Json>> {
    return this.call('GET', path, undefined, headers);
  }

  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer<Json>> {
    return this.call('POST', path, body, headers);
  }

  put(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer<Json>> {
    return this.call('PUT', path, body, headers);
  }

  patch(path: string, Operations: unknown, headers?: Record<string, string>): Promise<Answer<Json>> {
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
    return this.call('PATCH', path, { schemas, Operations }, headers);
  }

  delete(path: string, headers?: Record<string, string>): Promise<Answer<Json>> {
    return this.call('DELETE', path, undefined, headers);
  }

  /** People or groups that a filter finds. */
  find(path: string, filter: string): Promise<Answer<Json>> {
    return this.get(`${path}?filter=${encodeURIComponent(filter)}`);
  }
}

/** A person made over SCIM. */
export async function makeScimUser(scim: ScimClient, fields: object = {}): Promise<Json> {
  const answer = await scim.post('/Users', { userName: uniqueName('person').replace(' ', '.'), ...fields });
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

/** A group made over SCIM. */
export async function makeScimGroup(scim: ScimClient, fields: object = {}): Promise<Json> {
  const answer = await scim.post('/Groups', { displayName: uniqueName('group'), ...fields });
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

/** A token of a person, as they would make it signed in: an Admin may make tokens for service users alone. */
export async function makePersonsToken({ admin, database }: Stack, id: string): Promise<CreatedTokenDto> {
  const become = (type: string): Promise<unknown> =>
    database.pool.query('UPDATE users SET user_type = $2 WHERE id = $1', [id, type]);
  await become('Service');
  try {
    return await makeToken(admin, { user_id: Number(id) });
  } finally {
    await become('User');
  }
}
