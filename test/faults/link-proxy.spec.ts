import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { waitUntil } from '../harness/wait-until.ts';
import { SOUND } from './lane.ts';
import { LinkProxy } from './link-proxy.ts';

let echo: Server;
let far: Socket | undefined;
let proxy: LinkProxy;
let client: Socket;
let heard = '';
beforeEach(async () => {
  far = undefined;
  echo = createServer((socket) => {
    far ??= socket;
    socket.on('error', () => undefined).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await LinkProxy.start((echo.address() as AddressInfo).port);
  heard = '';
  client = connect({ port: proxy.port, host: '127.0.0.1' })
    .setEncoding('utf8')
    .on('error', () => undefined)
    .on('data', (text) => (heard += text));
  await once(client, 'connect');
});
afterEach(async () => {
  client.destroy();
  await proxy.stop();
  echo.close();
});

const hears = (text: string) => waitUntil(`"${text}"`, () => heard === text);

it('passes everything on, and the end of the connection', async () => {
  client.write('one');
  await hears('one');
  client.end();
  await once(client, 'close');
  expect(heard).toBe('one');
});

it('delays, and keeps the order when the delay is over', async () => {
  proxy.impose({ out: { kind: 'delayed', delayMs: 150 }, back: SOUND });
  const beganMs = performance.now();
  client.write('one');
  await hears('one');
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(149);
  client.write('two');
  await sleep(20);
  proxy.heal();
  client.write('three');
  await hears('onetwothree');
});

it('holds up one way while the connection stays open, and delivers later', async () => {
  proxy.impose({ out: SOUND, back: { kind: 'held' } });
  client.write('one');
  await sleep(100);
  expect([heard, client.readyState]).toEqual(['', 'open']);
  proxy.heal();
  await hears('one');
});

it('swallows, and resets at the end a connection that lost bytes, and no other', async () => {
  proxy.impose({ out: { kind: 'swallowed' }, back: SOUND });
  const other = connect({ port: proxy.port, host: '127.0.0.1' });
  await once(other, 'connect');
  client.write('one');
  await sleep(100);
  expect([heard, client.readyState]).toEqual(['', 'open']);
  proxy.heal();
  await new Promise((resolve) => client.once('close', resolve));
  expect(other.readyState).toBe('open');
  other.write('two');
  expect(String((await once(other, 'data'))[0])).toBe('two');
  other.destroy();
});

const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

it('leaves no socket open when it delivers an orderly end together with the news that the sender is gone', async () => {
  await waitUntil('the far end', () => far !== undefined);
  proxy.impose({ out: { kind: 'held' }, back: SOUND });
  await once(client.end(), 'finish');
  client.destroy();
  for (let i = 0; i < 3; i += 1) {
    far!.write('to somebody who is gone');
    await sleep(50);
  }
  expect(openSockets()).toBeGreaterThan(0);
  proxy.heal();
  await waitUntil('all sockets to be closed', () => openSockets() === 0);
});
