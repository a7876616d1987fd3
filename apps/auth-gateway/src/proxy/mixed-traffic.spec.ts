import type { Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import type { UpstreamClient } from './upstream.js';
import { RawClient, Started } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

const [CLIENTS, ROUNDS, PIPELINED_MAX] = [10, 10, 4];
const ACTIVE_MAX = CLIENTS * PIPELINED_MAX;
const STRAY = 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n<stray>';

type Behaviour = (socket: Socket, mark: string) => void;

const whole = (mark: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`;

/** What upstreams do. The mark is the body that they answer with: '' to HEAD. */
const BEHAVIOURS: readonly Behaviour[] = [
  (socket, mark) => socket.write(whole(mark)),
  (socket, mark) => setImmediate(() => socket.write(whole(mark))),
  (socket, mark) => socket.end(whole(mark)),
  (socket, mark) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${mark}`),
  (socket, mark) => [...whole(mark)].forEach((byte) => socket.write(byte)),
  (socket, mark) => socket.write(`HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${whole(mark)}`),
  (socket, mark) => socket.write(whole(mark) + STRAY),
  (socket, mark) => socket.write(`${whole(mark)}0\r\n\r\n`),
  (socket) => socket.write('HTTP/1.1 304 Not Modified\r\n\r\n'),
  (socket) => socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n<stray>'),
  (socket) =>
    socket.write(`HTTP/1.1 204 No Content\r\nContent-Length: ${STRAY.length}\r\n\r\n`, () => socket.write(STRAY)),
  (socket) => socket.write('<stray>\r\n\r\n'),
  (socket, mark) => socket.write(whole(mark).slice(0, -3), () => socket.destroy()),
  (socket) => socket.destroy(),
];

/** An upstream that does one thing after the other, and answers with the path that it was asked for. */
function unreliableUpstream(behaviour: { any: boolean }): Promise<number> {
  let turn = 0;
  return started.rawUpstream((socket) => {
    let unread = '';
    socket.setEncoding('latin1').on('data', (text) => {
      unread += String(text);
      const [head, method, path] = /^([A-Z]+) (\S+) [\s\S]*?\r\n\r\n/.exec(unread) ?? [];
      const length = Number(/content-length: (\d+)/i.exec(head ?? '')?.[1] ?? 0);
      if (head === undefined || unread.length < head.length + length) return;
      unread = unread.slice(head.length + length);
      const chosen = behaviour.any ? BEHAVIOURS[(turn += 1) % BEHAVIOURS.length] : BEHAVIOURS[0];
      chosen?.(socket, method === 'HEAD' ? '' : `<${path}>`);
    });
  });
}

const METHODS = ['GET', 'POST', 'HEAD', 'DELETE', 'GET'];

function request(path: string, i: number): string {
  const method = METHODS[i % METHODS.length] as string;
  const [length, body] = method === 'POST' ? ['Content-Length: 2000\r\n', 'x'.repeat(2_000)] : ['', ''];
  return `${method} ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n${length}\r\n${body}`;
}

/** Sends a few requests at once on a connection; every third time it leaves without waiting. @returns what it was answered */
async function round(port: number, client: number, i: number): Promise<[paths: string[], answered: string[]]> {
  const paths = Array.from({ length: 1 + (i % PIPELINED_MAX) }, (_, k) => `/a/${client}/${i}/${k}`);
  const connection = new RawClient(port, paths.map((path, k) => request(path, client + i + k)).join(''));
  const ended = (): boolean =>
    connection.closed || connection.received.split(/HTTP\/1\.1 [2345]/).length > paths.length;
  const enough = i % 3 === 0 ? (): boolean => ended() || connection.received !== '' : ended;
  await vi.waitFor(() => expect(enough()).toBe(true), { timeout: 20_000, interval: 5 });
  connection.socket.destroy();
  return [paths, connection.received.match(/<[^>]*>/g) ?? []];
}

/** @returns how many of so many requests at once are let through to the upstream */
async function askAtOnce(port: number, count: number): Promise<number> {
  const client = new RawClient(port, Array.from({ length: count }, (_, i) => request(`/a/last/${i}`, 0)).join(''));
  await vi.waitFor(() => expect(client.received.match(/HTTP\/1\.1 /g)).toHaveLength(count), 20_000);
  client.socket.destroy();
  return client.received.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
}

it.each<UpstreamClient>(['own', 'undici'])(
  'each answer goes to its own request, in order, whatever an upstream does; and nothing is kept of them (%s)',
  async (upstreamClient) => {
    const behaviour = { any: true };
    const upstream = await unreliableUpstream(behaviour);
    const gateway = await started.gateway(`routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${upstream}']}]`, {
      upstreamClient,
      upstreamLimits: { activeMax: ACTIVE_MAX },
    });
    let answers = 0;
    const clientAt = async (client: number): Promise<void> => {
      for (let i = 0; i < ROUNDS; i++) {
        const [paths, answered] = await round(gateway.port, client, i);
        expect(answered).toEqual(paths.map((path) => `<${path}>`).filter((mark) => answered.includes(mark)));
        answers += answered.length;
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => clientAt(client)));
    expect(answers).toBeGreaterThan(CLIENTS);
    await vi.waitFor(() => expect(gateway.dataPath.inFlight).toBe(0), 20_000);

    behaviour.any = false; // every place at the upstream comes free again
    await vi.waitFor(async () => expect(await askAtOnce(gateway.port, ACTIVE_MAX)).toBe(ACTIVE_MAX), 20_000);
  },
);
