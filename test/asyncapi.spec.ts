import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { EVENTS_STREAM, type PortcullisEvent } from '@portcullis/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { schemaCheck, type SchemaCheck } from '../scripts/api-documents/schema-check.ts';
import { EventsStream } from './harness/events-stream.ts';
import { makePerson, makeServiceToken, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import { makeScimUser, ScimClient, scimToken } from './harness/scim.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

interface AsyncApi {
  channels: Record<string, { address: string }>;
  components: object;
}

/** A message as it really was on the wire. */
interface Published {
  subject: string;
  headers: Record<string, string>;
  payload: PortcullisEvent;
}

let stack: Stack;
let events: EventsStream;
let connection: NatsConnection;
let document: AsyncApi;
let check: SchemaCheck;
const live: Published[] = [];

beforeAll(async () => {
  document = parse(await readFile(join(import.meta.dirname, '..', 'docs', 'asyncapi.yaml'), 'utf8')) as AsyncApi;
  check = schemaCheck({ components: document.components });
  stack = await Stack.start();
  events = await EventsStream.open(stack);
  connection = await connect({ servers: stack.nats.url });
  connection.subscribe('portcullis.events.>', {
    callback: (error, message) => {
      if (!error) live.push(published(message.subject, message.headers, message.json()));
    },
  });
  await connection.flush();
  await causeEveryEvent();
});
afterAll(async () => {
  await connection?.close();
  await events?.close();
  await stack?.stop();
});

function published(subject: string, headers: MsgHdrs | undefined, payload: PortcullisEvent): Published {
  return {
    subject,
    headers: Object.fromEntries((headers?.keys() ?? []).map((key) => [key, headers!.get(key)])),
    payload,
  };
}

/** By an Admin's token, a session-less service user, an identity provider and the clock. */
async function causeEveryEvent(): Promise<void> {
  const { admin, database } = stack;
  const revoke = (id: number, options = {}) => admin.put(`/api/user-tokens/${id}`, { revoke: true, ...options });
  const expiring = await makeServiceToken(admin);
  const past = `date_trunc('second', now()) - interval '1 second'`;
  await database.pool.query(`UPDATE tokens SET expires_at = ${past} WHERE id = $1`, [expiring.id]);

  const parent = await makeServiceToken(admin, { role: 'Admin' });
  await makeToken(stack.client(0, parent.bearer_token), { scim: true, expires_in_days: null });
  await stack.client(0, parent.bearer_token).get('/api/datastores');
  await events.first(`token/${parent.id}`, 'TokenUsed');
  await revoke(parent.id, { cascade: true });
  await admin.put(`/api/user-tokens/${parent.id}`, { revoke: false });
  await revoke(parent.id);
  await admin.delete(`/api/user-tokens/${parent.id}`);

  const person = await makePerson(admin);
  await admin.put(`/api/users/${person.id}`, { name: uniqueName('renamed'), role: 'Editor' });
  await admin.put(`/api/users/${person.id}`, { active: false });
  await admin.put(`/api/users/${person.id}`, { active: true });
  const { id } = await makeServiceUser(admin);
  await makeToken(admin, { user_id: id });
  await admin.delete(`/api/users/${id}`);
  const scim = new ScimClient(stack.client(0, await scimToken(admin)));
  const provisioned = await makeScimUser(scim);
  await scim.delete(`/Users/${provisioned.id}`);
  const isExpired = async (): Promise<boolean> =>
    (await events.about(`token/${expiring.id}`, 'TokenExpired')).length > 0;
  await waitUntil('the clock has expired a token', isExpired, 60_000);
}

/** All that the stream holds, and what it was republished as, once both are complete. */
async function everythingPublished(): Promise<Published[]> {
  const all = await events.expectTheWholeOutboxOnce();
  await waitUntil('the last of it was heard live', () =>
    live.some(({ payload }) => payload.id === all.at(-1)!.event.id),
  );
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const stored = all.map(async ({ seq }) => {
    const message = (await manager.streams.getMessage(EVENTS_STREAM, { seq }))!;
    return published(message.subject, message.header, message.json());
  });
  return [...(await Promise.all(stored)), ...live];
}

/** What of a message differs from the document. */
function differences({ subject, headers, payload }: Published): string[] {
  const { type } = payload;
  const feed = subject.split('.')[1];
  const address = document.channels[type]?.address.replace('{feed}', feed!);
  const headersSchema = feed === 'events' ? 'LiveHeaders' : 'StoredHeaders';
  return [
    ...(address === subject ? [] : [`is at ${subject}, and not at ${address}`]),
    ...check(`#/components/schemas/${headersSchema}`, headers).map((error) => `headers${error}`),
    ...check(`#/components/schemas/${type}`, payload),
  ].map((difference) => `${type} ${difference}`);
}

it('every message that is published is one of docs/asyncapi.yaml: subject, headers and payload, to the last member', async () => {
  const messages = await everythingPublished();
  expect(messages.flatMap(differences)).toEqual([]);
});

it('every event of docs/asyncapi.yaml is really published, live and in the stream', async () => {
  const messages = await everythingPublished();
  for (const feed of ['events', 'outbox']) {
    const seen = messages
      .filter(({ subject }) => subject.startsWith(`portcullis.${feed}.`))
      .map(({ payload }) => payload.type);
    expect([...new Set(seen)].toSorted(), feed).toEqual(Object.keys(document.channels).toSorted());
  }
});

it('a message that says one thing more or less than the document is found', async () => {
  const [message] = await everythingPublished();
  expect(differences({ ...message!, payload: { ...message!.payload, more: 1 } as never })).toHaveLength(1);
  expect(differences({ ...message!, payload: { ...message!.payload, time: undefined } as never })).toHaveLength(1);
  expect(differences({ ...message!, subject: 'portcullis.outbox.token.other' })).toHaveLength(1);
  expect(differences({ ...message!, headers: {} })).toHaveLength(1);
});
