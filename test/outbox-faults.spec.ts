import { StorageType } from '@nats-io/jetstream';
import { EVENTS_STREAM } from '@portcullis/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EventsStream } from './harness/events-stream.ts';
import { makeServiceUser, makeToken } from './harness/fixtures.ts';
import { HeldWrites } from './harness/held-writes.ts';
import type { HttpClient } from './harness/http-client.ts';
import { LIFE, surviveNatsOutage, USES } from './harness/nats-outage.ts';
import { Stack, type TokenServiceApp } from './harness/stack.ts';
import { StockSubscriber } from './harness/stock-subscriber.ts';
import { waitUntil } from './harness/wait-until.ts';

const LEADS = 'This replica relays the outbox';

let stack: Stack;
let events: EventsStream;
let userId: number;
beforeAll(async () => {
  stack = await Stack.start({ tokenServices: 2 });
  userId = (await makeServiceUser(stack.admin)).id;
  // The Admin's token says that it was used once an hour: from here on, events are those that a test makes.
  const settled = await EventsStream.open(stack);
  await settled.first('token/1', 'TokenUsed');
  await settled.close();
});
afterAll(() => stack?.stop());
beforeEach(async () => {
  events = await EventsStream.open(stack);
});
afterEach(() => events?.close());

/** The API of a token-service, as the Admin. */
const at = (service: TokenServiceApp): HttpClient =>
  stack.direct(stack.tokenServices.indexOf(service), stack.adminToken);

/** The one that took the relay's lock last. */
function leader(): TokenServiceApp {
  const [one, two] = stack.tokenServices as [TokenServiceApp, TokenServiceApp];
  return ledSinceMs(one) > ledSinceMs(two) ? one : two;
}

function ledSinceMs(service: TokenServiceApp): number {
  const line = service
    .log()
    .split('\n')
    .findLast((text) => text.includes(LEADS));
  return line ? Date.parse((JSON.parse(line) as { time: string }).time) : 0;
}

function other(service: TokenServiceApp): TokenServiceApp {
  return stack.tokenServices.find((candidate) => candidate !== service)!;
}

/** Three events of one token, through one token-service. */
async function change(service: TokenServiceApp): Promise<number> {
  const { id } = await makeToken(at(service), { user_id: userId });
  await at(service).put(`/api/user-tokens/${id}`, { revoke: true });
  await at(service).put(`/api/user-tokens/${id}`, { revoke: false });
  return id;
}

/** Goes on making events until it is told to stop; what a frozen service leaves unanswered doesn't matter. */
function trickle(service: TokenServiceApp): () => Promise<void> {
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) await change(service).catch(() => undefined);
  };
  const running = run();
  return () => {
    stop.abort();
    return running;
  };
}

describe('a relay killed between publish and mark', () => {
  it('leaves each event in the stream exactly once', async () => {
    await events.expectTheWholeOutboxOnce();
    const before = (await events.all()).length;
    const marks = await HeldWrites.marks(stack.database);
    try {
      const published = await change(leader());
      await waitUntil('it is published, and its mark hangs', async () => {
        const isStored = (await events.about(`token/${published}`)).length > 0;
        return isStored && (await marks.isHolding());
      });
      await change(leader());
      expect(await events.waiting()).toBe(6);
      for (const service of stack.tokenServices) service.process.kill('SIGKILL');
      await Promise.all(stack.tokenServices.map((service) => service.process.exited));
    } finally {
      await marks.endSessions();
      await marks.release();
    }
    expect(await events.waiting()).toBe(6);
    expect((await events.all()).length).toBeGreaterThan(before);
    for (const service of stack.tokenServices) await service.restart();
    await change(leader());
    expect(await events.expectTheWholeOutboxOnce()).toHaveLength(before + 9);
  });
});

describe('a relay frozen past the loss of its lock', () => {
  it('writes nothing when it wakes up: the stream is in order, nothing twice', async () => {
    const frozen = leader();
    const awake = other(frozen);
    const stops = [trickle(frozen), trickle(awake)];
    frozen.process.kill('SIGSTOP');
    try {
      await waitUntil('the other one takes over', () => leader() === awake, 25_000);
      const id = await change(awake);
      await events.first(`token/${id}`, 'TokenRestored');
    } finally {
      frozen.process.kill('SIGCONT');
    }
    const woken = await change(frozen);
    await events.first(`token/${woken}`, 'TokenRestored');
    await Promise.all(stops.map((stop) => stop()));
    expect((await events.expectTheWholeOutboxOnce()).length).toBeGreaterThan(6);
    expect(leader()).toBe(awake);

    awake.process.kill('SIGKILL');
    await change(frozen);
    await waitUntil('the woken one leads again', () => leader() === frozen);
    await events.expectTheWholeOutboxOnce();
    await awake.restart();
  });
});

describe('NATS away for some seconds', () => {
  it('loses no event and no use, repeats none, and keeps the order of each token', async () => {
    const { lives, uses } = await surviveNatsOutage(stack, { durationMs: 4_000, tokensAtOnce: 20, pauseMs: 0 });
    expect(lives).toEqual(lives.map(() => LIFE));
    expect(uses).toEqual(lives.map(() => USES));
  });
});

describe('the stream deleted, with a stock Nest subscriber that answers in its place', () => {
  it('nothing is marked as published until the stream is there again, and then all of it is in it', async () => {
    await events.expectTheWholeOutboxOnce();
    const afterRow = await events.lastRow();
    const subscriber = await StockSubscriber.start(stack.nats.url);
    // It shares a subject with the events stream, which so can't be made again.
    const obstacle = { name: 'OBSTACLE', subjects: ['portcullis.outbox.obstacle'], storage: StorageType.Memory };
    try {
      await events.manager.streams.delete(EVENTS_STREAM);
      await events.manager.streams.add(obstacle);
      const tokens = await Promise.all([1, 2, 3, 4, 5].map(() => change(leader())));
      await waitUntil(
        'the subscriber got what was for the stream',
        () => subscriber.heard('portcullis.outbox.').length > 0,
      );
      await waitUntil('the relay says that events wait', () => leader().log().includes('Events wait in the outbox'));
      await change(leader());
      expect(await events.waiting()).toBe(3 * (tokens.length + 1));
      expect(await events.all()).toEqual([]);
    } finally {
      await events.manager.streams.delete(obstacle.name);
    }
    const stored = await events.expectTheWholeOutboxOnce({ afterRow });
    expect(stored).toHaveLength(18);
    const heard = subscriber.heard('portcullis.events.').map(({ data }) => data.event.id);
    await waitUntil('subscribers hear of all of it', () => subscriber.heard('portcullis.events.').length >= 18);
    expect(heard.length).toBeLessThanOrEqual(18);
    await subscriber.stop();
  });
});
