import { CSRF_HEADER, LOCAL_SESSION_COOKIE } from '@portcullis/contracts';
import { expect } from 'vitest';
import { type Answer, type CallOptions, HttpClient, type Json } from './http-client.ts';

/** A browser that has signed in: it sends the cookie, and the header that pages of our own send. */
export class SessionClient extends HttpClient {
  readonly cookie: string;

  constructor(url: string, cookie: string) {
    super(url);
    this.cookie = cookie;
  }

  override call<T = Json>(method: string, path: string, options: CallOptions): Promise<Answer<T>> {
    const headers = { Cookie: this.cookie, [CSRF_HEADER]: '1', ...options.headers };
    return super.call<T>(method, path, { ...options, headers });
  }

  /** The same session through another gateway or directly. */
  at({ url }: HttpClient): SessionClient {
    return new SessionClient(url, this.cookie);
  }
}

/** Tries to sign in. */
export function trySignIn(
  client: HttpClient,
  userName: string,
  password: string,
  headers: Record<string, string> = {},
): Promise<Answer<Json>> {
  const body = { user_name: userName, password };
  return client.post('/api/session', body, { headers: { [CSRF_HEADER]: '1', ...headers } });
}

/** Signs in. */
export async function signIn(client: HttpClient, userName: string, password: string): Promise<SessionClient> {
  const answer = await trySignIn(client, userName, password);
  expect(answer.status, answer.text).toBe(200);
  return new SessionClient(client.url, cookieOf(answer));
}

/** The session's cookie of an answer, as a browser would send it. */
export function cookieOf({ headers }: Answer<unknown>): string {
  const [cookie] = headers.getSetCookie();
  expect(cookie).toMatch(new RegExp(`^${LOCAL_SESSION_COOKIE}=`));
  return cookie!.split(';')[0]!;
}
