import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reset, Tunnel } from './tunnel.js';

let server: Server;
let near: Socket;
let far: Socket;
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  [far] = (await once(server, 'connection')) as [Socket];
  await once(near, 'connect');
});
afterEach(() => {
  near.destroy();
  far.destroy();
  server.close();
});

/** Resolves when the other side was told that it is over, and how. */
const broken = (): Promise<string | undefined> =>
  new Promise((resolve) => far.resume().once('error', (error: NodeJS.ErrnoException) => resolve(error.code)));

describe('a reset', () => {
  it('breaks the connection', async () => {
    const told = broken();
    reset(near);
    expect(await told).toBe('ECONNRESET');
  });

  it('breaks it in the moment of its end too, once or twice', async () => {
    const ended = once(far.resume(), 'end');
    near.end();
    reset(near);
    reset(near);
    await Promise.all([ended, once(near, 'close')]);
    const told = broken();
    far.write('too late');
    expect(await told).toMatch(/^(EPIPE|ECONNRESET)$/);
  });

  it('breaks it while bytes wait that the other side does not take', async () => {
    near.end(Buffer.alloc(32 * 1024 * 1024));
    reset(near);
    expect(near.destroyed).toBe(true);
    expect(await broken()).toBe('ECONNRESET');
  });
});

it('a tunnel that is not permitted any more when it begins passes nothing on', () => {
  const upstream = new PassThrough();
  new Tunnel(near, upstream, () => false).start([Buffer.from('early')]);
  expect([upstream.read(), upstream.destroyed, near.destroyed]).toEqual([null, true, true]);
});
