import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { EVENTS_PREFIX, EVENTS_STREAM, OUTBOX_PREFIX, type PortcullisEvent } from '@portcullis/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BATCH_ROWS_MAX, EventStream } from './event-stream.js';
import type { EventsOptions } from './events-options.js';
import { appendToOutbox, EVENT_BYTES_MAX, type NewEvent } from './outbox.js';
import { OutboxRelay } from './outbox-relay.js';
import { type OutboxRow, RelaySession } from './relay-session.js';
import { eventually, type Services, startServices } from './testing/services.js';

const TEST_TIMEOUT_MS = 60_000;
const SHORT_WINDOW_MS = 100;

let services: Services;
let options: EventsOptions;
const relays: OutboxRelay[] = [];
const processes: ChildProcess[] = [];

beforeAll(async () => {
  services = await startServices();
}, TEST_TIMEOUT_MS);
afterAll(() => services.stop(), TEST_TIMEOUT_MS);

beforeEach(async () => {
  options = { databaseUrl: services.postgres.url, replicas: 1, duplicateWindowMs: SHORT_WINDOW_MS };
  await services.dataSource.query('TRUNCATE outbox RESTART IDENTITY');
  const jsm = await manager();
  await jsm.streams.delete(EVENTS_STREAM).catch(() => undefined);
}, TEST_TIMEOUT_MS);
afterEach(async () => {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  await Promise.all(relays.splice(0).map((relay) => relay.onApplicationShutdown()));
}, TEST_TIMEOUT_MS);

const manager = async () => jetstreamManager(await services.nats.connection());

function startRelay(overrides: Partial<EventsOptions> = {}): OutboxRelay {
  const relay = new OutboxRelay({ ...options, ...overrides }, services.nats, services.dataSource);
  relays.push(relay);
  relay.onApplicationBootstrap();
  return relay;
}

/** One event of the token with each of these ids, in one transaction. */
async function append(...tokenIds: number[]): Promise<void> {
  await services.dataSource.transaction((manager) => appendToOutbox(manager, tokenIds.map(restored)));
}

function restored(id: number): NewEvent<'TokenRestored'> {
  const user = { id: 1, user_id: 'ada', user_type: 'User' } as const;
  const token = {
    id,
    name: 'ci',
    type: 'Personal',
    scim: false,
    user,
    expiration: null,
    created_at: '2027-01-01T00:00:00Z',
  } as const;
  return {
    type: 'TokenRestored',
    subject: `token/${id}`,
    data: { token, actor: { user_id: 'ada', token_id: 'session' } },
  };
}

/** The ids of the tokens that the stream's events are of, in the stream's order. */
async function streamed(): Promise<number[]> {
  const jsm = await manager();
  const info = await jsm.streams.info(EVENTS_STREAM).catch(() => undefined);
  if (!info) return [];
  const sequences = Array.from({ length: info.state.last_seq }, (_, index) => index + 1);
  const messages = await Promise.all(sequences.map((seq) => jsm.streams.getMessage(EVENTS_STREAM, { seq })));
  return messages.map((message) => message!.json<PortcullisEvent<'TokenRestored'>>().data.token.id);
}

async function unmarked(): Promise<number> {
  const [row] = await services.dataSource.query<{ count: number }[]>(
    'SELECT count(*)::integer AS count FROM outbox WHERE published_at IS NULL',
  );
  return row!.count;
}

/** By its wall clock, in another session than that of a transaction under way. */
async function clockOfDatabase(): Promise<string> {
  const [row] = await services.dataSource.query<{ iso: string }[]>(`SELECT ${isoSql('clock_timestamp()')} AS iso`);
  return row!.iso;
}

const isoSql = (time: string): string => `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const allMarked = () => eventually('all rows to be marked', async () => (await unmarked()) === 0);
const range = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

async function rowsOf(session: RelaySession): Promise<OutboxRow[]> {
  return session.unpublished(BATCH_ROWS_MAX);
}

describe('the outbox', () => {
  it('writes a CloudEvent whose time is when it is written, however long ago its transaction began', async () => {
    let meanwhile = '';
    await services.dataSource.transaction(async (manager) => {
      const [began] = await manager.query<{ iso: string }[]>(`SELECT ${isoSql('now()')} AS iso`);
      await eventually('time to pass', async () => (meanwhile = await clockOfDatabase()) > began!.iso);
      await appendToOutbox(manager, [restored(7)]);
    });
    const [row] = await services.dataSource.query<{ event_id: string; subject: string; payload: string }[]>(
      'SELECT event_id, subject, payload FROM outbox',
    );
    const event = JSON.parse(row!.payload) as PortcullisEvent;
    const envelope = { id: row!.event_id, type: 'TokenRestored', time: event.time };
    expect(row!.subject).toBe(`${OUTBOX_PREFIX}.token.restored`);
    expect(event).toMatchObject({
      ...envelope,
      specversion: '1.0',
      subject: 'token/7',
      time: expect.stringMatching(/T\d\d:\d\d:\d\d\.\d{3}Z$/),
      data: { event: envelope },
    });
    expect(event.time >= meanwhile, `${event.time} is earlier than ${meanwhile}`).toBe(true);
    expect(event.time <= (await clockOfDatabase())).toBe(true);
  });

  it('refuses an event that NATS could not take', async () => {
    const event = restored(1);
    event.data.token = { ...event.data.token, name: 'x'.repeat(EVENT_BYTES_MAX) };
    const appending = services.dataSource.transaction((manager) => appendToOutbox(manager, [event]));
    await expect(appending).rejects.toThrow(RangeError);
  });

  it('goes back when the transaction does', async () => {
    const appending = services.dataSource.transaction(async (manager) => {
      await appendToOutbox(manager, [restored(1)]);
      throw new Error('changed my mind');
    });
    await expect(appending).rejects.toThrow('changed my mind');
    expect(await unmarked()).toBe(0);
  });
});

describe('the relay', () => {
  it(
    'publishes everything once, in order, and subscribers hear of it without a reply subject',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const nc = await services.nats.connection();
      const heard: { subject: string; reply?: string | undefined }[] = [];
      const subscription = nc.subscribe(`${EVENTS_PREFIX}.>`, {
        callback: (_, message) => void heard.push({ subject: message.subject, reply: message.reply }),
      });
      const relay = startRelay();
      for (const id of range(40)) await append(id, id + 1_000, id + 2_000);
      relay.nudge();
      await allMarked();
      const expected = range(40).flatMap((id) => [id, id + 1_000, id + 2_000]);
      expect(await streamed()).toEqual(expected);
      await eventually('the subscriber to hear of all', () => heard.length >= expected.length);
      expect(heard.every(({ subject, reply }) => subject === `${EVENTS_PREFIX}.token.restored` && !reply)).toBe(true);
      subscription.unsubscribe();
    },
  );

  it(
    'makes no duplicate when it dies between publishing and marking, even after the duplicate window',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      await append(...range(BATCH_ROWS_MAX));
      await append(9_001, 9_002);
      await services.dataSource.query(
        `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no marks today'; END $$`,
      );
      await services.dataSource.query(
        'CREATE TRIGGER refuse BEFORE UPDATE ON outbox FOR EACH ROW EXECUTE FUNCTION refuse()',
      );
      const first = startRelay();
      await eventually('a batch to be in the stream', async () => (await streamed()).length === BATCH_ROWS_MAX);
      await first.onApplicationShutdown();
      await services.dataSource.query('DROP FUNCTION refuse CASCADE');
      expect(await unmarked()).toBe(BATCH_ROWS_MAX + 2);
      await duplicateWindowOver();

      startRelay();
      await allMarked();
      expect(await streamed()).toEqual([...range(BATCH_ROWS_MAX), 9_001, 9_002]);
    },
  );

  it('waits while NATS is down, then publishes all of it once and in order', { timeout: TEST_TIMEOUT_MS }, async () => {
    const relay = startRelay();
    await append(1, 2);
    await allMarked();
    await services.stopNats();
    await eventually('NATS to be gone', () => !services.nats.isConnected);
    for (const id of range(300)) await append(id + 2);
    expect(await relay.backlog()).toMatchObject({ rows: 300 });
    await services.startNatsAgain();
    await allMarked();
    expect(await streamed()).toEqual(range(302));
  });

  it(
    'marks nothing while the stream is missing and a stock subscriber answers in its place',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const stream = new EventStream(services.nats, options);
      const session = await RelaySession.open(services.postgres.url, 5_000);
      const nc = await services.nats.connection();
      let answers = 0;
      const replies = [
        '{"stream":"OTHER","seq":1,"duplicate":true}',
        '{"response":"ok"}',
        `{"stream":"${EVENTS_STREAM}"}`,
        `{"stream":"${EVENTS_STREAM}","seq":"1","duplicate":true}`,
        'not JSON',
      ];
      const subscription = nc.subscribe(`${OUTBOX_PREFIX}.>`, {
        callback: (_, message) => void message.respond(replies[answers++ % replies.length]),
      });
      await append(...range(30));
      const result = await stream.publish(await rowsOf(session), 0);
      expect(answers).toBe(30);
      expect(result).toMatchObject({ published: [], lastSeq: undefined });
      expect(result.failure?.row.id).toBe(1);

      // The relay makes the stream anew; then the impostor's answers may still come first, and still every row is stored once.
      startRelay();
      await allMarked();
      expect(await streamed()).toEqual(range(30));
      subscription.unsubscribe();
      await session.close();
    },
  );

  it('makes a deleted stream anew and goes on', { timeout: TEST_TIMEOUT_MS }, async () => {
    startRelay();
    await append(1);
    await allMarked();
    await (await manager()).streams.delete(EVENTS_STREAM);
    await append(2);
    await allMarked();
    expect(await streamed()).toEqual([2]);
  });

  it('leads alone; when its session is ended another one takes over', { timeout: TEST_TIMEOUT_MS }, async () => {
    const both = [startRelay(), startRelay()];
    const leader = await eventually('one to lead', () => both.find((relay) => relay.isLeader));
    await append(1, 2, 3);
    await allMarked();
    expect(both.filter((relay) => relay.isLeader)).toEqual([leader]);

    await leader.onApplicationShutdown();
    const next = await eventually('the other one to lead', () =>
      both.find((relay) => relay !== leader && relay.isLeader),
    );
    await append(4);
    next.nudge();
    await allMarked();
    expect(await streamed()).toEqual([1, 2, 3, 4]);
  });

  it('comes back by itself when Postgres ends its session', { timeout: TEST_TIMEOUT_MS }, async () => {
    startRelay();
    await append(1);
    await allMarked();
    await services.dataSource.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portcullis-outbox-relay'`,
    );
    await append(2);
    await allMarked();
    expect(await streamed()).toEqual([1, 2]);
  });
});

describe('a relay that lost its lock', () => {
  it('loses it when it is frozen, and can mark nothing when it wakes up', { timeout: TEST_TIMEOUT_MS }, async () => {
    await append(1);
    const holder = startLockHolder(`${services.postgres.url}?options=-c%20search_path%3Dpublic`, 500);
    await eventually('the process to have the lock', () => holder.output().includes('leads'));
    holder.process.kill('SIGSTOP');
    const next = await RelaySession.open(services.postgres.url, 5_000);
    await eventually('the lock to be free', () => next.tryLead());
    holder.process.kill('SIGCONT');
    holder.process.stdin.write('mark\n');
    await eventually('its answer', () => holder.output().includes('refused'));
    expect(await unmarked()).toBe(1);
    await next.close();
  });

  it('writes nothing when it wakes up and goes on with its old batch', { timeout: TEST_TIMEOUT_MS }, async () => {
    const stream = new EventStream(services.nats, options);
    const { lastSeq } = await stream.readTail();
    await append(1, 2, 3);
    const session = await RelaySession.open(services.postgres.url, 5_000);
    const staleRows = await rowsOf(session);
    await append(4);
    startRelay();
    await allMarked();
    await duplicateWindowOver();

    const result = await stream.publish(staleRows, lastSeq);
    expect(result).toMatchObject({ published: [], lastSeq: undefined });
    expect(await streamed()).toEqual([1, 2, 3, 4]);
    await session.close();
  });

  it(
    'skips nothing when another relay’s message takes the place of its first',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const stream = new EventStream(services.nats, options);
      await append(1, 2, 3);
      const session = await RelaySession.open(services.postgres.url, 5_000);
      const [one, two, three] = (await rowsOf(session)) as [OutboxRow, OutboxRow, OutboxRow];
      const { lastSeq } = await stream.readTail();
      await stream.publish([one], lastSeq);
      // By its sequence alone, row 3 would fit now.
      const result = await stream.publish([two, three], lastSeq);
      expect(result.published).toEqual([]);
      expect(await streamed()).toEqual([1]);
      await session.close();
    },
  );

  it('takes a duplicate ack for what it is, and reads the tail again', { timeout: TEST_TIMEOUT_MS }, async () => {
    const stream = new EventStream(services.nats, { replicas: 1 });
    await append(1, 2);
    const session = await RelaySession.open(services.postgres.url, 5_000);
    const [one, two] = (await rowsOf(session)) as [OutboxRow, OutboxRow];
    const { lastSeq } = await stream.readTail();
    await stream.publish([one], lastSeq);
    const result = await stream.publish([one, two], lastSeq + 1);
    expect(result.published).toEqual([{ id: one.id, streamSeq: lastSeq + 1 }]);
    expect(result.lastSeq).toBeUndefined();
    expect((await stream.readTail()).events.get(one.eventId)).toBe(lastSeq + 1);
    await session.close();
  });
});

function startLockHolder(databaseUrl: string, idleTimeoutMs: number) {
  const script = fileURLToPath(new URL('testing/lock-holder.ts', import.meta.url));
  const child = spawn(process.execPath, [script, databaseUrl, String(idleTimeoutMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  processes.push(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { process: child, output: () => output };
}

/** Waits until JetStream has forgotten all message ids of the stream: a repeated one is then refused for its sequence only. */
async function duplicateWindowOver(): Promise<void> {
  const js = (await manager()).jetstream();
  const { events } = await new EventStream(services.nats, options).readTail();
  for (const msgID of events.keys()) {
    const isForgotten = () =>
      js.publish(`${OUTBOX_PREFIX}.probe`, '', { msgID, expect: { lastSequence: Number.MAX_SAFE_INTEGER } }).then(
        () => false,
        () => true,
      );
    await eventually('the duplicate window to be over', isForgotten);
  }
}
