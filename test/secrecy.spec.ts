import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeToken } from './harness/fixtures.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
beforeAll(async () => (stack = await Stack.start({ gateways: 2, gatewayEnv: { PORTCULLIS_ACCESS_LOG: 'all' } })));
afterAll(() => stack.stop());

/** What must be found nowhere: the token, and its parts that would help to make one. */
function secretsOf(token: string): string[] {
  const [, payload, signature] = token.split('.') as [string, string, string];
  return [token, payload, signature, signature.slice(0, 40)];
}

/** Every column of every table, as text. */
async function databaseText(): Promise<string> {
  const { pool } = stack.database;
  const tables = await pool.query(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`);
  const texts = await Promise.all(
    tables.rows.map(({ table_name }) => pool.query(`SELECT t::text AS text FROM "${table_name}" t`)),
  );
  return texts.flatMap(({ rows }) => rows.map(({ text }) => text)).join('\n');
}

/** All that was stored in JetStream and, since it began to listen, all that was published at all. */
async function storedMessages(): Promise<string> {
  const connection = await connect({ servers: stack.nats.url });
  const manager = await jetstreamManager(connection);
  let text = '';
  for await (const stream of manager.streams.list()) {
    if (stream.state.messages === 0) continue;
    const consumer = await jetstream(connection).consumers.get(stream.config.name);
    const messages = await consumer.fetch({ max_messages: stream.state.messages, expires: 2_000 });
    for await (const message of messages) text += `${message.subject} ${message.string()}\n`;
  }
  await connection.close();
  return text;
}

describe('a token', () => {
  it('is in no log, event, error or database column, whatever is done with it', async () => {
    const listener = await connect({ servers: stack.nats.url });
    let published = '';
    listener.subscribe('>', { callback: (_error, message) => void (published += message.string()) });
    await listener.flush();

    const tokens = [
      await makeToken(stack.admin),
      await makeServiceToken(stack.admin),
      await makeServiceToken(stack.admin),
    ];
    let errors = '';
    for (const { id, bearer_token: token } of tokens) {
      for (const client of [stack.client(0, token), stack.client(1, token), stack.direct(0, token)]) {
        await client.get('/api/datastores');
        errors += (await client.get(`/api/users/me?access_token=${token}`)).text;
        errors += (await client.get('/nowhere')).text;
        errors += (await client.post('/api/user-tokens', `{"name": "${token}`)).text;
        errors += (await client.get('/api/users/me', { token: `${token}x` })).text;
        errors += (
          await client.get('/api/users/me', {
            headers: { Authorization: `Bearer ${token} ${token}` },
            token: undefined,
          })
        ).text;
      }
      errors += (await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true })).text;
      errors += (await stack.client(0, token).get('/api/users/me')).text;
      errors += (await stack.admin.delete(`/api/user-tokens/${id}`)).text;
    }
    await waitUntil('the events are published', () => published.match(/"TokenDeleted"/g)?.length);
    await Promise.all(stack.gateways.map((gateway) => gateway.restart())); // usage is flushed, the last lines are logged

    const everywhere = {
      errors,
      published,
      stored: await storedMessages(),
      database: await databaseText(),
      logs: stack.logs(),
    };
    await listener.close();
    for (const secret of [stack.adminToken, stack.adminPassword, ...tokens.map((token) => token.bearer_token)]) {
      for (const [place, text] of Object.entries(everywhere)) {
        expect(text.length, place).toBeGreaterThan(0);
        for (const part of secret.includes('.') ? secretsOf(secret) : [secret])
          expect(text.includes(part), place).toBe(false);
      }
    }
  });
});
