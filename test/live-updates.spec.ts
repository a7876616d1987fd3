import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeToken } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { makeSignedIn } from './harness/people.ts';
import { ServerSentEvents } from './harness/server-sent-events.ts';
import { type SessionClient, signIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let adminSession: SessionClient;
/** Of somebody about whom nothing happens, from the beginning on. */
let quiet: ServerSentEvents;
const opened: ServerSentEvents[] = [];

beforeAll(async () => {
  stack = await Stack.start({ gateways: 2, tokenServices: 2 });
  adminSession = await signIn(stack.client(0), 'admin', stack.adminPassword);
  const { session } = await makeSignedIn(stack.admin);
  quiet = await ServerSentEvents.open(stack.gateways[0]!.url, { Cookie: session.cookie });
});
afterAll(async () => {
  quiet?.close();
  await stack?.stop();
});
afterEach(() => {
  for (const stream of opened.splice(0)) stream.close();
});

async function open({ url }: HttpClient, headers: Record<string, string>): Promise<ServerSentEvents> {
  const stream = await ServerSentEvents.open(url, headers);
  opened.push(stream);
  return stream;
}

const listen = (session: SessionClient, at: HttpClient = session): Promise<ServerSentEvents> =>
  open(at, { Cookie: session.cookie });

async function expectEnd(stream: ServerSentEvents, code: string): Promise<void> {
  expect((await stream.heard('end')).data).toEqual({ code });
  await waitUntil('the end', () => stream.ended);
}

describe('a page hears of a change that somebody else makes', () => {
  it('through a gateway and directly, at every replica, without what is in the row', async () => {
    const streams = await Promise.all(
      [stack.client(0), stack.client(1), stack.direct(0), stack.direct(1)].map((at) => listen(adminSession, at)),
    );
    for (const stream of streams) {
      expect([stream.status, stream.contentType]).toEqual([200, 'text/event-stream; charset=utf-8']);
      await stream.heard('ready');
    }
    const token = await makeServiceToken(stack.admin);
    await stack.admin.put(`/api/user-tokens/${token.id}`, { revoke: true });
    for (const stream of streams) {
      const { data } = await stream.heard('change', { type: 'TokenRevoked', token_id: token.id });
      expect(data).toEqual({ type: 'TokenRevoked', token_id: token.id, user_id: token.user.id });
      await stream.heard('change', { type: 'UserCreated', user_id: token.user.id });
    }
  });

  it('only when it is about themselves, unless they are Admin', async () => {
    const { user, session } = await makeSignedIn(stack.admin, { role: 'Manager' });
    const stream = await listen(session);
    await stream.heard('ready');
    const others = await makeServiceToken(stack.admin);
    const own = (await session.post('/api/user-tokens', { name: 'own', expires_in_days: 1 })).body;
    await stream.heard('change', { type: 'TokenIssued', token_id: own.id, user_id: user.id });
    expect(stream.find('change', { token_id: others.id })).toBeUndefined();
    await stack.admin.put(`/api/users/${user.id}`, { role: 'Admin' });
    await stream.heard('change', { type: 'UserUpdated', user_id: user.id });
    await waitUntil('an Admin hears of everything', async () => {
      const { id } = await makeToken(stack.admin, { expires_in_days: 1 });
      return waitUntil('a change', () => stream.find('change', { token_id: id }), 1_000).catch(() => undefined);
    });
  });

  it('also after NATS was away, by reading everything again', async () => {
    const stream = await listen(adminSession);
    await stream.heard('ready');
    await stack.nats.stop();
    await waitUntil('NATS is missed', () => /NATS was lost/.test(stack.tokenServices[0]!.log()));
    await new Promise((resolve) => setTimeout(resolve, 6_000)); // the loss is looked for every five seconds
    await stack.startNats();
    await waitUntil('ready once more', () => stream.events.filter(({ event }) => event === 'ready').length > 1);
    expect(stream.ended).toBe(false);
  });
});

describe('a stream ends', () => {
  it('with its session: by signing out at another replica, and by a deactivation', async () => {
    const first = await makeSignedIn(stack.admin);
    const streams = await Promise.all([listen(first.session, stack.direct(0)), listen(first.session, stack.direct(1))]);
    await Promise.all(streams.map((stream) => stream.heard('ready')));
    await first.session.at(stack.direct(0)).delete('/api/session');
    for (const stream of streams) await expectEnd(stream, 'session_ended');
    expect((await listen(first.session)).status).toBe(401);

    const second = await makeSignedIn(stack.admin);
    const stream = await listen(second.session);
    await stream.heard('ready');
    await stack.admin.put(`/api/users/${second.user.id}`, { active: false });
    await expectEnd(stream, 'session_ended');
  });

  it('with its token', async () => {
    const token = await makeServiceToken(stack.admin);
    const stream = await open(stack.client(0), { Authorization: `Bearer ${token.bearer_token}` });
    await stream.heard('ready');
    expect((await stack.admin.put(`/api/user-tokens/${token.id}`, { revoke: true })).status).toBe(200);
    await expectEnd(stream, 'invalid_token');
  });
});

describe('a stream is refused', () => {
  it('without a credential, and to a SCIM token', async () => {
    expect((await stack.client(0).get('/api/events')).status).toBe(401);
    const { bearer_token: token } = await makeToken(stack.admin, { scim: true });
    for (const client of [stack.client(0), stack.direct(0)])
      expect((await client.get('/api/events', { token })).status).toBe(403);
  });

  it('beyond ten at once for one user, and again open when one is closed', async () => {
    const { session } = await makeSignedIn(stack.admin);
    const at = stack.direct(0);
    for (let n = 0; n < 10; n += 1) await (await listen(session, at)).heard('ready');
    const refused = await session.at(at).get('/api/events');
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_streams' } });
    expect(refused.headers.get('retry-after')).toBe('10');
    opened[0]!.close();
    await waitUntil('room for one more', async () => {
      const next = await listen(session, at);
      return next.status === 200;
    });
  });
});

describe('a stream that nothing happens in', () => {
  it('is kept company through a gateway', { timeout: 120_000 }, async () => {
    await waitUntil('two comments', () => quiet.comments >= 2, 60_000);
    expect(quiet.ended).toBe(false);
  });

  it('ends when its gateway or token-service shuts down, which does not wait for it', async () => {
    for (const app of [stack.gateways[1]!, stack.tokenServices[1]!]) {
      const stream = await open({ url: app.url } as HttpClient, { Cookie: adminSession.cookie });
      await stream.heard('ready');
      await app.restart();
      expect(app.log()).not.toMatch(/took too long/);
      await waitUntil('the end', () => stream.ended);
    }
  });
});
