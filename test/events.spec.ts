import type { CreatedTokenDto, EventActor, PortcullisEvent } from '@portcullis/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataOf, envelope, eventToken } from './harness/event-shape.ts';
import { EventSubscriber } from './harness/event-subscriber.ts';
import { EventsStream } from './harness/events-stream.ts';
import { makePerson, makeServiceToken, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const LIFE = ['TokenIssued', 'TokenUsed', 'TokenRevoked', 'TokenRestored', 'TokenRevoked', 'TokenDeleted'];

let stack: Stack;
let admin: HttpClient;
let events: EventsStream;
/** Who the tests are. */
let actor: EventActor;
let expiring: CreatedTokenDto;
beforeAll(async () => {
  stack = await Stack.start({ gateways: 2 });
  admin = stack.admin;
  events = await EventsStream.open(stack);
  const { body } = await admin.get('/api/users/me');
  actor = { user_id: body.user_id, token_id: body.token_id };
  expiring = await makeServiceToken(admin);
  await stack.database.pool.query(
    `UPDATE tokens SET expires_at = date_trunc('second', now()) - interval '1 second' WHERE id = $1`,
    [expiring.id],
  );
});
afterAll(async () => {
  await events?.close();
  await stack?.stop();
});

async function use(token: CreatedTokenDto, gateway = 0): Promise<void> {
  expect((await stack.client(gateway, token.bearer_token).get('/api/datastores')).status).toBe(200);
}

const revoke = (id: number, options = {}) => admin.put(`/api/user-tokens/${id}`, { revoke: true, ...options });
const restore = (id: number) => admin.put(`/api/user-tokens/${id}`, { revoke: false });

async function typesAbout(subject: string): Promise<string[]> {
  return (await events.about(subject)).map(({ type }) => type);
}

/** A whole life, one event after the other. */
async function live(token: CreatedTokenDto): Promise<void> {
  await use(token);
  await events.first(`token/${token.id}`, 'TokenUsed');
  await revoke(token.id);
  await restore(token.id);
  await revoke(token.id);
  expect((await admin.delete(`/api/user-tokens/${token.id}`)).status).toBe(204);
}

describe('the example subscriber, a stock Nest microservice', () => {
  it('hears a token’s life live and durably, and catches up in order after it was away, nothing twice', async () => {
    const subscriber = await EventSubscriber.start(stack.nats.url);
    try {
      const first = await makeServiceToken(admin);
      await live(first);
      const about = `token/${first.id}`;
      await waitUntil('the deletion is heard both ways', () =>
        (['live', 'durable'] as const).every((way) => subscriber.types(way, about).includes('TokenDeleted')),
      );
      expect(subscriber.types('live', about)).toEqual(LIFE);
      expect(subscriber.types('durable', about)).toEqual(LIFE);
      expect(subscriber.types('revoked', about)).toEqual(['TokenRevoked', 'TokenRevoked']);

      await subscriber.stop();
      const missed = await makeServiceToken(admin);
      await live(missed);
      await events.expectTheWholeOutboxOnce();
      await subscriber.start();
      const last = await makeServiceToken(admin);
      const tokens = [first, missed, last].map(({ id }) => `token/${id}`);
      await waitUntil('it has caught up', () => subscriber.types('durable', tokens[2]!).length > 0);
      expect(tokens.map((token) => subscriber.types('durable', token))).toEqual([LIFE, LIFE, ['TokenIssued']]);
      expect(subscriber.types('live', tokens[1]!)).toEqual([]);
      const sequences = subscriber.heard('durable').map(({ line }) => Number(/#(\d+)$/.exec(line)![1]));
      expect(sequences).toEqual(sequences.map((_, i) => i + 1));
    } finally {
      await subscriber.stop();
    }
  });
});

describe('what an event says', () => {
  it('TokenIssued, TokenRevoked, TokenRestored, TokenDeleted: the token, who did it, the number of the change', async () => {
    const token = await makeServiceToken(admin);
    const subject = `token/${token.id}`;
    const revoked = await revoke(token.id);
    const restored = await restore(token.id);
    await revoke(token.id);
    const { headers } = await admin.delete(`/api/user-tokens/${token.id}`);
    const deletion = JSON.parse(headers.get('portcullis-receipt')!);
    await events.first(subject, 'TokenDeleted');

    const [issuedEvent, revokedEvent, restoredEvent, , deletedEvent] = (await events.about(
      subject,
    )) as PortcullisEvent[];
    const data = { token: eventToken(token), actor };
    expect(issuedEvent).toEqual(envelope(issuedEvent!, { type: 'TokenIssued', subject }));
    expect(dataOf(issuedEvent!)).toEqual(data);
    const { seq } = revoked.body.receipt;
    expect(revokedEvent).toEqual(envelope(revokedEvent!, { type: 'TokenRevoked', subject, accessseq: seq }));
    expect(dataOf(revokedEvent!)).toEqual({ ...data, reason: 'requested' });
    const again = restored.body.receipt.seq;
    expect(restoredEvent).toEqual(envelope(restoredEvent!, { type: 'TokenRestored', subject, accessseq: again }));
    expect(dataOf(restoredEvent!)).toEqual(data);
    expect(deletedEvent).toEqual(envelope(deletedEvent!, { type: 'TokenDeleted', subject, accessseq: deletion.seq }));
    expect(dataOf(deletedEvent!)).toEqual(data);
  });

  it('TokenRevoked of a child says cascade, and the actor is whose token it was done with', async () => {
    const parent = await makeServiceToken(admin, { role: 'Admin' });
    const child = await makeToken(stack.client(0, parent.bearer_token));
    await revoke(parent.id, { cascade: true });
    const issued = await events.first(`token/${child.id}`, 'TokenIssued');
    expect(issued.data.actor).toEqual({ user_id: parent.user.user_id, token_id: parent.id });
    expect((await events.first(`token/${child.id}`, 'TokenRevoked')).data).toMatchObject({ reason: 'cascade', actor });
    expect((await events.first(`token/${parent.id}`, 'TokenRevoked')).data.reason).toBe('requested');
  });

  it('a person’s personal token and a SCIM token say what they are', async () => {
    const scim = await makeToken(admin, { scim: true, expires_in_days: null });
    const { data } = await events.first(`token/${scim.id}`, 'TokenIssued');
    expect(data.token).toEqual(eventToken(scim));
    expect(data.token).toMatchObject({ type: 'Personal', scim: true, expiration: null, user: { user_type: 'User' } });
  });

  it('UserCreated, UserUpdated, UserDeactivated, UserReactivated, UserDeleted: the user and what changed', async () => {
    const user = await makePerson(admin, { role: 'Editor' });
    const { id, user_id, user_type, name, teams } = user;
    const subject = `user/${id}`;
    const newName = uniqueName('renamed');
    await admin.put(`/api/users/${id}`, { name: newName, role: 'Member' });
    await admin.put(`/api/users/${id}`, { active: false });
    await admin.put(`/api/users/${id}`, { active: true });
    const { headers } = await admin.delete(`/api/users/${id}`);
    await events.first(subject, 'UserDeleted');

    const told = (await events.about(subject)) as PortcullisEvent[];
    const before = { id, user_id, user_type, name, role: 'Editor', teams, active: true };
    const after = { ...before, name: newName, role: 'Member' };
    const types = ['UserCreated', 'UserUpdated', 'UserDeactivated', 'UserReactivated', 'UserDeleted'];
    expect(told.map(dataOf)).toEqual([
      { user: before, actor },
      { user: after, actor, changed: ['name', 'role'] },
      { user: { ...after, active: false }, actor, changed: ['active'] },
      { user: after, actor, changed: ['active'] },
      { user: after, actor },
    ]);
    const numbers = told.map(({ accessseq }) => accessseq!);
    expect(told).toEqual(told.map((event, i) => envelope(event, { type: types[i]!, subject, accessseq: numbers[i]! })));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.at(-1)).toBe(JSON.parse(headers.get('portcullis-receipt')!).seq);
  });

  it('the subjects are those of the documentation', async () => {
    const stored = await events.expectTheWholeOutboxOnce();
    const subjects = new Map(stored.map(({ event, subject }) => [event.type as string, subject]));
    expect(subjects.get('TokenRevoked')).toBe('portcullis.outbox.token.revoked');
    for (const [type, subject] of subjects) {
      const [kind, ...what] = type.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
      expect(subject).toBe(`portcullis.outbox.${kind}.${what.join('')}`);
    }
  });
});

describe('which events there are', () => {
  it('deleting a user: TokenRevoked then TokenDeleted for each active token, then UserDeleted', async () => {
    const user = await makeServiceUser(admin);
    const active = [await makeToken(admin, { user_id: user.id }), await makeToken(admin, { user_id: user.id })];
    const revoked = await makeToken(admin, { user_id: user.id });
    await revoke(revoked.id);
    expect((await admin.delete(`/api/users/${user.id}`)).status).toBe(204);
    await events.first(`user/${user.id}`, 'UserDeleted');
    for (const { id } of active) {
      expect(await typesAbout(`token/${id}`)).toEqual(['TokenIssued', 'TokenRevoked', 'TokenDeleted']);
      expect((await events.first(`token/${id}`, 'TokenRevoked')).data.reason).toBe('user_deleted');
    }
    expect(await typesAbout(`token/${revoked.id}`)).toEqual(['TokenIssued', 'TokenRevoked', 'TokenDeleted']);
    const all = (await events.all()).map(({ event }) => event);
    const last = all.findIndex(({ subject, type }) => subject === `user/${user.id}` && type === 'UserDeleted');
    const deletions = all.flatMap(({ subject, type }, i) =>
      type === 'TokenDeleted' && [...active, revoked].some(({ id }) => subject === `token/${id}`) ? [i] : [],
    );
    expect(Math.max(...deletions)).toBeLessThan(last);
  });

  it('none for a call that changed nothing', async () => {
    const { id, user } = await makeServiceToken(admin);
    await restore(id);
    await revoke(id);
    await revoke(id);
    await admin.put(`/api/users/${user.id}`, { role: 'Editor', active: true });
    expect((await admin.delete('/api/user-tokens/99999999')).status).toBe(404);
    await events.expectTheWholeOutboxOnce();
    expect(await typesAbout(`token/${id}`)).toEqual(['TokenIssued', 'TokenRevoked']);
    expect(await typesAbout(`user/${user.id}`)).toEqual(['UserCreated']);
    expect(await typesAbout('token/99999999')).toEqual([]);
  });

  it('TokenUsed: the first use at once, then none until the interval is over, with the count since the last one', async () => {
    const token = await makeServiceToken(admin);
    const subject = `token/${token.id}`;
    const counted = (count: number) =>
      waitUntil(`${count} uses are counted`, async () => {
        const { rows } = await stack.database.pool.query(
          'SELECT sum(count)::integer AS count FROM token_usage_hourly WHERE token_id = $1',
          [token.id],
        );
        return rows[0].count === count;
      });
    await use(token);
    const first = await events.first(subject, 'TokenUsed');
    expect(first).toEqual(envelope(first as PortcullisEvent, { type: 'TokenUsed', subject }));
    const seconds = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const said = { token: eventToken(token), last_used: seconds, ip: '127.0.0.1' };
    expect(dataOf(first as PortcullisEvent)).toEqual({ ...said, count: 1, gateway: 'gw-1' });

    for (let i = 0; i < 4; i++) await use(token, i % 2);
    await counted(5);
    await events.expectTheWholeOutboxOnce();
    expect(await events.about(subject, 'TokenUsed')).toHaveLength(1);

    await stack.database.pool.query(
      `UPDATE token_last_used SET event_at = event_at - interval '1 hour' WHERE token_id = $1`,
      [token.id],
    );
    await use(token, 1);
    await counted(6);
    await events.expectTheWholeOutboxOnce();
    const second = (await events.about(subject, 'TokenUsed'))[1]!;
    expect(dataOf(second as PortcullisEvent)).toEqual({ ...said, count: 5, gateway: 'gw-2' });
  });

  it('TokenExpired, once, when a token’s time has come, and by nobody', async () => {
    const subject = `token/${expiring.id}`;
    const event = await waitUntil('TokenExpired', async () => (await events.about(subject, 'TokenExpired'))[0], 25_000);
    expect(event).toEqual(envelope(event as PortcullisEvent, { type: 'TokenExpired', subject }));
    expect(event.data).toMatchObject({
      token: { ...eventToken(expiring), expiration: expect.any(String) },
      actor: { user_id: null, token_id: 'system' },
    });
    expect(await typesAbout(subject)).toEqual(['TokenIssued', 'TokenExpired']);
  });
});
