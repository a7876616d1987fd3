import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let admin: HttpClient;
let upstream: Server;
let sockets: Socket[] = [];
beforeAll(async () => {
  upstream = createServer().on('upgrade', (request, socket: Socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    socket.on('error', () => undefined).resume();
    socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  const routes = `routes: [{ prefix: /chat, upstreams: ['http://127.0.0.1:${port}'] }]`;
  stack = await Stack.start({ gateways: 2, routes });
  admin = stack.direct(0, stack.adminToken);
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  upstream?.close();
  await stack?.stop();
});

interface Conversation {
  socket: WebSocket;
  heard: string[];
}

/** An open WebSocket through a gateway. */
async function talk(gateway: number, token: string): Promise<Conversation> {
  const url = `${stack.gateways[gateway]!.url.replace('http', 'ws')}/chat`;
  const options = { headers: { Authorization: `Bearer ${token}` } };
  const socket = new WebSocket(url, options as never);
  const heard: string[] = [];
  socket.addEventListener('message', ({ data }) => heard.push(String(data)));
  socket.addEventListener('error', () => undefined);
  await waitUntil('the WebSocket is open', () => socket.readyState === WebSocket.OPEN);
  return { socket, heard };
}

/** Sends a text frame (RFC 6455 section 5.2) on every connection that the upstream still has. */
function say(text: string): void {
  const frame = Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
  for (const socket of sockets) if (!socket.destroyed) socket.write(frame);
}

describe('an open WebSocket', () => {
  it.each([
    ['its token is revoked', (id: number) => admin.put(`/api/user-tokens/${id}`, { revoke: true })],
    ['its user is deactivated', (_: number, user: number) => admin.put(`/api/users/${user}`, { active: false })],
    [
      'its user’s role is no longer enough',
      (_: number, user: number) => admin.put(`/api/users/${user}`, { role: 'Member' }),
    ],
  ])('is dead at every gateway once the call has returned by which %s', async (_name, change) => {
    sockets = [];
    const { id, bearer_token, user } = await makeServiceToken(admin, { role: 'Editor' });
    const other = await makeServiceToken(admin, { role: 'Editor' });
    const doomed = [await talk(0, bearer_token), await talk(0, bearer_token), await talk(1, bearer_token)];
    const lasting = await talk(1, other.bearer_token);
    say('before');
    for (const { heard } of [...doomed, lasting]) await waitUntil('it talks', () => heard.includes('before'));

    const answer = await change(id, user.id);
    say('after');

    expect(answer.status).toBeLessThan(300);
    await waitUntil('the others still talk', () => lasting.heard.includes('after'));
    for (const { socket } of doomed) await waitUntil('it is closed', () => socket.readyState === WebSocket.CLOSED);
    expect(doomed.flatMap(({ heard }) => heard)).not.toContain('after');
    await waitUntil('the upstream knows', () => sockets.filter((socket) => !socket.destroyed).length === 1);
    lasting.socket.close();
  });
});
