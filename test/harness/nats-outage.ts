import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { EventsStream, type StoredEvent } from './events-stream.ts';
import { makeServiceUser, makeToken } from './fixtures.ts';
import type { Stack } from './stack.ts';
import { countedUses } from './token-usage.ts';
import { UsageReports } from './usage-reports.ts';
import { waitUntil } from './wait-until.ts';

export interface Outage {
  /** How long nats-server is away. */
  durationMs: number;
  /** How many tokens live through it at once. */
  tokensAtOnce: number;
  /** Between two rounds. */
  pauseMs: number;
}

/** What became of each token of an outage. */
export interface AfterOutage {
  /** The types of its events in the stream, in order, but `TokenUsed` last: it travels on its own way. */
  lives: string[][];
  uses: number[];
}

/** What happens to each token while NATS is away, and what must be heard of it afterwards. */
export const LIFE = ['TokenIssued', 'TokenRevoked', 'TokenRestored', 'TokenUsed'];
/** How often each is let through. */
export const USES = 2;

const BACK_TIMEOUT_MS = 60_000;

/**
 * Stops nats-server; issues, uses, revokes and restores tokens through the gateway for as long as it is away; starts it again.
 * Expects all of the outbox in the stream then, each event once and in order.
 */
export async function surviveNatsOutage(
  stack: Stack,
  { durationMs, tokensAtOnce, pauseMs }: Outage,
): Promise<AfterOutage> {
  const events = await EventsStream.open(stack);
  const reports = await UsageReports.open(stack);
  try {
    const user = await makeServiceUser(stack.admin);
    await events.expectTheWholeOutboxOnce();
    await stack.nats.stop();
    const tokens: number[] = [];
    for (const endMs = performance.now() + durationMs; performance.now() < endMs; await sleep(pauseMs)) {
      tokens.push(...(await Promise.all(Array.from({ length: tokensAtOnce }, () => liveThrough(stack, user.id)))));
    }
    expect(await events.waiting()).toBeGreaterThanOrEqual(tokens.length * (LIFE.length - 1));

    await stack.startNats();
    await reports.redeliverSoon();
    await waitUntil('all uses are counted', () => areAllCounted(stack, tokens), BACK_TIMEOUT_MS);
    const stored = await events.expectTheWholeOutboxOnce({ timeoutMs: BACK_TIMEOUT_MS });
    return {
      lives: livesOf(tokens, stored),
      uses: await Promise.all(tokens.map((id) => countedUses(stack, id))),
    };
  } finally {
    await events.close();
    await reports.close();
  }
}

/** @returns the token's id */
async function liveThrough(stack: Stack, userId: number): Promise<number> {
  const { id, bearer_token } = await makeToken(stack.admin, { user_id: userId });
  const opens = async (): Promise<number> => (await stack.client(0, bearer_token).get('/api/datastores')).status;
  expect(await opens()).toBe(200);
  expect((await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true })).status).toBe(200);
  expect(await opens()).toBe(401);
  expect((await stack.admin.put(`/api/user-tokens/${id}`, { revoke: false })).status).toBe(200);
  await waitUntil('it opens again', async () => (await opens()) === 200);
  return id;
}

async function areAllCounted(stack: Stack, tokens: readonly number[]): Promise<boolean> {
  for (const id of tokens) if ((await countedUses(stack, id)) < USES) return false;
  return true;
}

function livesOf(tokens: readonly number[], stored: readonly StoredEvent[]): string[][] {
  const lives = new Map(tokens.map((id) => [`token/${id}`, [] as string[]]));
  for (const { event } of stored) lives.get(event.subject)?.push(event.type);
  return [...lives.values()].map((types) => [
    ...types.filter((type) => type !== 'TokenUsed'),
    ...types.filter((type) => type === 'TokenUsed'),
  ]);
}
