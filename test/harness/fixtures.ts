import { randomBytes } from 'node:crypto';
import type { CreatedTokenDto, CreateTokenDto, CreateUserDto, UserDto } from '@portcullis/contracts';
import { expect } from 'vitest';
import type { HttpClient } from './http-client.ts';

/** A name that no other test has. */
export function uniqueName(prefix: string): string {
  return `${prefix} ${randomBytes(5).toString('hex')}`;
}

export async function makeServiceUser(admin: HttpClient, fields: Partial<CreateUserDto> = {}): Promise<UserDto> {
  const answer = await admin.post<UserDto>('/api/users', { name: uniqueName('service'), role: 'Editor', ...fields });
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

export async function makePerson(admin: HttpClient, fields: Partial<CreateUserDto> = {}): Promise<UserDto> {
  const name = uniqueName('person');
  const email = `${name.replace(' ', '.')}@example.com`;
  return makeServiceUser(admin, { name, email, user_type: 'User', role: 'Member', ...fields });
}

export async function makeToken(admin: HttpClient, fields: Partial<CreateTokenDto> = {}): Promise<CreatedTokenDto> {
  const answer = await admin.post<CreatedTokenDto>('/api/user-tokens', {
    name: uniqueName('token'),
    expires_in_days: 30,
    ...fields,
  });
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

/** A service user of this role, and a token of its own. */
export async function makeServiceToken(
  admin: HttpClient,
  fields: Partial<CreateUserDto> = {},
): Promise<CreatedTokenDto> {
  const user = await makeServiceUser(admin, fields);
  return makeToken(admin, { user_id: user.id });
}
