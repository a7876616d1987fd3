import { randomBytes } from 'node:crypto';
import type { CreateUserDto, UserDto } from '@portcullis/contracts';
import { expect } from 'vitest';
import { makePerson } from './fixtures.ts';
import type { HttpClient } from './http-client.ts';
import { type SessionClient, signIn } from './session-client.ts';

export interface SignedIn {
  user: UserDto;
  password: string;
  session: SessionClient;
}

/** A person with a password. */
export async function makePersonWithPassword(
  admin: HttpClient,
  fields: Partial<CreateUserDto> = {},
): Promise<{ user: UserDto; password: string }> {
  const user = await makePerson(admin, fields);
  const password = randomBytes(12).toString('base64url');
  const answer = await admin.put(`/api/users/${user.id}/password`, { password });
  expect(answer.status, answer.text).toBe(204);
  return { user, password };
}

/** A person who has signed in. */
export async function makeSignedIn(admin: HttpClient, fields: Partial<CreateUserDto> = {}): Promise<SignedIn> {
  const { user, password } = await makePersonWithPassword(admin, fields);
  return { user, password, session: await signIn(admin.as(undefined), user.user_name, password) };
}
