import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { NatsClient } from './nats-client.js';

// A server that speaks just enough of the protocol, so that this lib needs no nats-server; the apps' specs have a real one.
const INFO = 'INFO {"server_id":"X","version":"2.9.10","proto":1,"headers":true,"max_payload":1048576}\r\n';

const servers: Server[] = [];
const sockets = new Set<Socket>();
const clients: NatsClient[] = [];

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) server.close();
});

async function listen(port = 0): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      const pings = data.toString().match(/PING\r\n/g) ?? [];
      socket.write('PONG\r\n'.repeat(pings.length));
    });
    socket.write(INFO);
  });
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

async function freePort(): Promise<number> {
  const port = await listen();
  await new Promise((resolve) => servers.pop()!.close(resolve));
  return port;
}

function clientOf(port: number): NatsClient {
  const client = new NatsClient({ servers: `127.0.0.1:${port}`, name: 'spec' });
  clients.push(client);
  return client;
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error('gave up');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('waits for a server that is not there yet', async () => {
  const port = await freePort();
  const client = clientOf(port);
  const connection = client.connection();
  expect(client.isConnected).toBe(false);
  await listen(port);
  expect((await connection).isClosed()).toBe(false);
  expect(client.isConnected).toBe(true);
});

it('reconnects by itself, on the same connection object', { timeout: 20_000 }, async () => {
  const client = clientOf(await listen());
  const connection = await client.connection();
  for (const socket of sockets) socket.destroy();
  await until(() => !client.isConnected);
  await until(() => client.isConnected);
  expect(await client.connection()).toBe(connection);
});

it('can be closed while no server is there, and says so to who waits', async () => {
  const client = clientOf(await freePort());
  const [waiting] = await Promise.allSettled([client.connection(), client.close()]);
  expect(waiting.status).toBe('rejected');
  await expect(client.connection()).rejects.toThrow('closed');
});

it('can be closed twice', async () => {
  const client = clientOf(await listen());
  await client.connection();
  await Promise.all([client.close(), client.close()]);
  expect(client.isConnected).toBe(false);
});
