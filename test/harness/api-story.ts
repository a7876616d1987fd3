import { CSRF_HEADER } from '@portcullis/contracts';
import { type ApiCredentials, bearer, countFrom, type Headers } from './api-credentials.ts';
import type { ApiReplay } from './api-replay.ts';
import { makeToken } from './fixtures.ts';
import type { Json } from './http-client.ts';
import { ScimStory } from './api-story-scim.ts';
import { cookieOf } from './session-client.ts';
import type { Stack } from './stack.ts';
import { waitUntil } from './wait-until.ts';

/** All that the examples tell of, in the order in which it can happen. */
export class ApiStory {
  readonly #stack: Stack;
  readonly #replay: ApiReplay;
  readonly #who: ApiCredentials;

  constructor(stack: Stack, replay: ApiReplay, credentials: ApiCredentials) {
    this.#stack = stack;
    this.#replay = replay;
    this.#who = credentials;
  }

  async tell(): Promise<void> {
    await countFrom(this.#stack, 'users', 123);
    await countFrom(this.#stack, 'teams', 7);
    await countFrom(this.#stack, 'tokens', 456);
    await this.teams();
    await this.users();
    await this.tokens();
    const grace = await this.session();
    await this.passwords(grace);
    await this.programs();
    await this.tokenEnds();
    await this.events();
    await this.audit();
    await new ScimStory(this.#stack, this.#replay, this.#who.scim).tell();
    await this.deletions();
    await this.keys();
  }

  private async teams(): Promise<void> {
    const { admin: headers } = this.#who;
    await this.#replay.send('teams_create', 201, { headers });
    await this.#replay.send('teams_create', 409, { headers });
    await this.#replay.send('teams_findAll', 200, { headers });
    await this.#replay.send('teams_get', 200, { headers });
    await this.#replay.send('teams_delete', 409, { headers, given: { id: 1 } });
  }

  private async users(): Promise<void> {
    const { admin: headers, serviceAdmin } = this.#who;
    const async = { ...headers, Prefer: 'respond-async' };
    await this.#replay.send('users_create', 201, { headers, example: 'service' });
    await this.#replay.send('users_create', 201, { headers, example: 'person' });
    await this.#replay.send('users_create', 409, { headers });
    await this.#replay.send('users_create', 400, { headers, given: { name: 'Other', teams: ['Nobody'] } });
    await this.#replay.send('users_create', 202, { headers: async, given: { name: 'Passing' } });
    await this.#replay.send('users_findAll', 200, { headers });
    await this.#replay.send('users_listing', 200, { headers });
    await this.#replay.send('users_me', 200, { headers });
    await this.#replay.send('users_get', 200, { headers });
    for (const example of ['role', 'deactivate']) await this.#replay.send('users_update', 200, { headers, example });
    await this.#replay.send('tokens_create', 409, { headers, example: 'service' });
    await this.#replay.send('users_update', 200, { headers, example: 'reactivate' });
    await this.#replay.send('users_update', 202, { headers: async, example: 'reactivate' });
    await this.#replay.send('users_update', 409, { headers: serviceAdmin, example: 'deactivate', given: { id: 1 } });
    await this.#replay.send('users_update', 400, { headers, given: { teams: ['Nobody'] } });
    await this.#replay.send('users_delete', 409, { headers: serviceAdmin, given: { id: 1 } });
  }

  private async tokens(): Promise<void> {
    const { admin: headers, member } = this.#who;
    await countFrom(this.#stack, 'tokens', 456);
    const { body: token } = await this.#replay.send('tokens_create', 201, { headers, example: 'service' });
    for (const example of ['scim', 'personal']) await this.#replay.send('tokens_create', 201, { headers, example });
    await this.#replay.send('tokens_create', 409, { headers, example: 'service' });
    await this.#replay.send('tokens_create', 400, { headers, given: { user_id: 124 } });
    await this.#replay.send('tokens_create', 400, { headers, given: { user_id: 999_999 } });
    await this.#replay.send('tokens_create', 403, { headers: member, example: 'service' });
    await this.#use(token);
    for (const id of ['findOwn', 'findService', 'findAll', 'get', 'usageOf'])
      await this.#replay.send(`tokens_${id}`, 200, { headers });
    await this.#replay.send('tokens_delete', 409, { headers });
    for (const example of ['revoke', 'restore', 'cascade', 'restore'])
      await this.#replay.send('tokens_update', 200, { headers, example });
  }

  /** Once, and until it is counted. */
  async #use({ id, bearer_token: token }: { id: number; bearer_token: string }): Promise<void> {
    await this.#stack.client(0, token).get('/api/datastores');
    const usage = (): Promise<Json> => this.#stack.admin.get(`/api/user-tokens/${id}/usage?hours=2`);
    await waitUntil('the use is counted', async () => (await usage()).body.total === 1);
    const lastUsed = async (): Promise<boolean> =>
      (await this.#stack.admin.get(`/api/user-tokens/${id}`)).body.last_used !== null;
    await waitUntil('the use shows', lastUsed);
  }

  private async session(): Promise<Headers> {
    const { admin: headers } = this.#who;
    await this.#replay.send('password_change', 204, { headers, example: 'initial' });
    const anyone = { [CSRF_HEADER]: '1' };
    const wrong = { password: 'wrong' };
    await this.#replay.send('sessions_create', 401, { headers: anyone, given: wrong });
    const signedIn = await this.#replay.send('sessions_create', 200, { headers: anyone });
    const grace = { Cookie: cookieOf(signedIn), ...anyone };
    await this.#replay.send('sessions_get', 200, { headers: grace });
    return grace;
  }

  private async passwords(grace: Headers): Promise<void> {
    const { admin: headers, member, serviceAdmin } = this.#who;
    const own = { headers: grace, example: 'own' };
    await this.#replay.send('password_change', 400, { ...own, given: { current_password: 'wrong' } });
    await this.#replay.send('password_change', 204, own);
    await this.#replay.send('password_change', 403, {
      headers: member,
      example: 'initial',
      name: 'insufficient_scope',
    });
    await this.#replay.send('password_change', 409, { headers, example: 'initial', given: { id: 123 } });
    await this.#replay.send('password_change', 409, { headers: serviceAdmin, example: 'none', given: { id: 1 } });
    await this.#personalTokens(grace);
    await this.#replay.send('sessions_delete', 204, { headers: grace });
    await this.#replay.send('password_change', 204, { headers, example: 'none' });
  }

  /** What a person may do with tokens of their own, and what only an Admin may. */
  async #personalTokens(grace: Headers): Promise<void> {
    const { body } = await this.#stack.client(0).call<Json>('POST', '/api/user-tokens', {
      headers: grace,
      body: { name: 'tablet', expires_in_days: 30 },
    });
    await this.#replay.send('tokens_create', 403, { headers: bearer(body.bearer_token), example: 'personal' });
    await this.#stack.admin.put(`/api/user-tokens/${body.id}`, { revoke: true });
    await this.#replay.send('tokens_update', 403, { headers: grace, example: 'restore', given: { id: body.id } });
    const past = `date_trunc('second', now()) - interval '1 minute'`;
    await this.#stack.database.pool.query(`UPDATE tokens SET expires_at = ${past} WHERE id = $1`, [body.id]);
    await this.#replay.send('tokens_update', 409, { headers: grace, example: 'restore', given: { id: body.id } });
  }

  private async programs(): Promise<void> {
    const { session: headers } = this.#who;
    const withoutChallenge = { given: { code_challenge: undefined, code_challenge_method: undefined } };
    await this.#replay.send('cli_preview', 200, { headers });
    // A gateway takes no token here at all; the token-service itself says why.
    const direct = { client: this.#stack.direct(), headers: this.#who.admin };
    for (const id of ['cli_preview', 'cli_decide', 'sessions_get']) await this.#replay.send(id, 403, direct);
    await this.#replay.send('cli_preview', 400, {
      headers,
      given: { redirect_uri: 'https://example.com/' },
      name: 'invalid_redirect',
    });
    await this.#replay.send('cli_decide', 400, { headers, ...withoutChallenge });
    await this.#replay.send('cli_decide', 200, { headers, example: 'deny' });
    const { body } = await this.#replay.send('cli_decide', 200, { headers, example: 'approve' });
    const code = new URL(body.redirect_to).searchParams.get('code');
    await this.#replay.send('cli_token', 201, { given: { code } });
    await this.#replay.send('cli_token', 400, { given: { code } });
    const approve = (): Promise<Json> => this.#stack.client(0).call('POST', '/api/cli/authorize', {
      headers,
      body: this.#replay.operations.get('cli_decide')!.operation.requestBody!.content['application/json']!.examples!['approve']!.value,
    }); // prettier-ignore
    await waitUntil('there are too many codes', async () => (await approve()).status === 429);
    await this.#replay.send('cli_decide', 429, { headers, example: 'approve' });
  }

  private async tokenEnds(): Promise<void> {
    const { admin: headers } = this.#who;
    const async = { ...headers, Prefer: 'respond-async' };
    for (const example of ['dryRun', 'revoke']) await this.#replay.send('tokens_revokeMany', 200, { headers, example });
    await this.#replay.send('tokens_revokeMany', 202, { headers: async, example: 'revoke' });
    await this.#replay.send('tokens_update', 202, { headers: async, example: 'revoke' });
    await this.#replay.send('tokens_delete', 202, { headers: async, given: { id: 457 } });
    await this.#replay.send('tokens_delete', 204, { headers });
  }

  private async events(): Promise<void> {
    const { admin } = this.#who;
    const abort = new AbortController();
    const open = (): Promise<Response> =>
      fetch(`${this.#stack.gateways[0]!.url}/api/events`, { headers: admin, signal: abort.signal });
    try {
      const first = await open();
      const { value } = await first.body!.getReader().read();
      const text = new TextDecoder().decode(value);
      this.#replay.note('liveupdates_stream', 'answer', { status: first.status, headers: first.headers, text });
      this.#replay.replayed.add('liveupdates_stream');
      const last = await waitUntil('there are too many streams', async () => {
        const response = await open();
        return response.status === 429 && response;
      });
      const text429 = await last.text();
      const answer = { status: 429, headers: last.headers, text: text429, body: JSON.parse(text429) as Json };
      this.#replay.note('liveupdates_stream', answer.body.code, answer);
    } finally {
      abort.abort();
    }
  }

  private async audit(): Promise<void> {
    const { admin: headers } = this.#who;
    await this.#replay.send('gateways_findAll', 200, { headers });
    await this.#replay.send('access_confirmations', 200, { headers, given: { seq: 5 } });
    await this.#replay.send('audit_findAll', 200, { headers });
    for (const Accept of ['text/csv', 'application/x-ndjson'])
      await this.#replay.send('audit_findAll', 200, { headers: { ...headers, Accept } });
  }

  private async deletions(): Promise<void> {
    const { admin: headers } = this.#who;
    const async = { ...headers, Prefer: 'respond-async' };
    await this.#replay.send('teams_delete', 202, { headers: async, given: { id: 9 } });
    await this.#replay.send('teams_delete', 204, { headers });
    await this.#replay.send('users_delete', 202, { headers: async, given: { id: 131 } });
    await this.#replay.send('users_delete', 204, { headers });
  }

  /** At the end: the first key takes nearly every token with it. */
  private async keys(): Promise<void> {
    const { admin } = this.#who;
    const { id: oldId } = await makeToken(this.#stack.admin);
    await this.#stack.admin.put(`/api/user-tokens/${oldId}`, { revoke: true });
    const { body: before } = await this.#replay.send('keys_findAll', 200, { headers: admin });
    const given = { kid: before.keys[0].kid as string };
    await this.#replay.send('keys_retire', 409, { headers: admin, given });
    await this.#replay.send('keys_rotate', 200, { headers: admin });
    await this.#replay.send('jwks_jwks', 200);
    const headers = bearer((await makeToken(this.#stack.admin)).bearer_token);
    for (const example of ['dryRun', 'retire'])
      await this.#replay.send('keys_retire', 200, { headers, example, given });
    await this.#replay.send('keys_retire', 202, {
      headers: { ...headers, Prefer: 'respond-async' },
      example: 'retire',
      given,
    });
    await this.#replay.send('tokens_update', 409, { headers, example: 'restore', given: { id: oldId } });
  }
}
