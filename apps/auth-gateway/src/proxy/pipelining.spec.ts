import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ServerLimits } from './http-server.js';
import { RawClient, Started, type TestGateway } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n\r\n`;
const post = (path: string): string => `${get(path).replace('GET', 'POST').slice(0, -2)}Content-Length: 4\r\n\r\nbody`;
const okay = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;

interface Scripted extends TestGateway {
  /** The upstream's connection that the request for this path has come on. */
  readonly asked: Map<string, Socket>;
  readonly closed: string[];
}

/** A gateway before an upstream that leaves each answer to the test. */
async function scripted(server: Partial<ServerLimits> = {}): Promise<Scripted> {
  const asked = new Map<string, Socket>();
  const closed: string[] = [];
  const upstream = await started.rawUpstream((socket) => {
    socket.setEncoding('latin1').on('data', (text) => {
      const path = / (\/[^ ]*) HTTP/.exec(String(text))?.[1];
      if (path === undefined) return;
      asked.set(path, socket);
      socket.once('close', () => closed.push(path));
    });
  });
  const routes = `routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${upstream}']}]`;
  return Object.assign(await started.gateway(routes, { server }), { asked, closed });
}

describe('requests behind another on their connection', () => {
  it.each([
    ['before their answers came', ''],
    ['with answers that wait for their turn', okay('x'.repeat(500_000))],
  ])('are given up with it when the client leaves, %s', async (_when, answer) => {
    const { port, dataPath, asked, closed } = await scripted();
    const client = new RawClient(port, get('/a/1') + get('/a/2') + post('/a/3'));
    await vi.waitFor(() => expect(asked.size).toBe(3));
    for (const path of ['/a/2', '/a/3']) asked.get(path)!.write(answer);
    client.socket.destroy();
    await vi.waitFor(() => expect(closed).toContain('/a/1'));
    await vi.waitFor(() => expect(dataPath.inFlight).toBe(0));
    expect(dataPath.routeTraffic.routes.get('/a')).toMatchObject({ '2xx': 0, aborted: 3 });
  });

  it('do not wait for ever behind one whose answer broke off', async () => {
    const { port, asked } = await scripted();
    const client = new RawClient(port, get('/a/1') + get('/a/2') + get('/a/3'));
    await vi.waitFor(() => expect(asked.size).toBe(3));
    asked.get('/a/2')!.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
    asked.get('/a/3')!.write(okay('third'));
    await vi.waitFor(() => expect(asked.get('/a/2')!.destroyed).toBe(true));
    asked.get('/a/1')!.write(okay('first'));
    const received = await client.toEnd();
    expect(received).toMatch(/first$/);
  });

  it('are not acted on when the connection ends with the answer before', async () => {
    const { port, usage, asked } = await scripted();
    const refused = 'POST /a/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n';
    const received = await new RawClient(port, refused + get('/a/2') + get('/livez')).toEnd();
    expect(received).toMatch(/^HTTP\/1\.1 400 [\s\S]*Connection: close\r\n/);
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect({ usage, asked }).toEqual({ usage: [], asked: new Map() });
  });

  const upgrade = get('/livez').replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');

  it('are not acted on behind one for an upgrade that is not made, and the client is told', async () => {
    const { port, usage } = await scripted();
    const received = await new RawClient(port, upgrade + get('/a/2')).toEnd();
    expect(received).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close\r\n[\s\S]*nest \/livez$/);
    expect(usage).toEqual([]);
  });

  it('may offer an upgrade each, when they come one by one', async () => {
    const { port } = await scripted();
    const client = new RawClient(port);
    for (let answers = 1; answers < 4; answers++) {
      client.socket.write(upgrade);
      await vi.waitFor(() => expect(client.received.match(/nest \/livez/g)).toHaveLength(answers));
    }
    client.socket.write(upgrade.replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\nhi')); // nobody knows what else has come
    expect((await client.toEnd()).match(/Connection: close\r\n/g)).toHaveLength(1);
  });

  it('get their answers before one that is malformed, in order', async () => {
    const { port, asked } = await scripted();
    const client = new RawClient(port, `${get('/a/1')}${get('/a/2')}NONSENSE\r\n\r\n`);
    await vi.waitFor(() => expect(asked.size).toBe(2));
    for (let i = 0; i < 20; i++) client.socket.write('MORE NONSENSE\r\n\r\n');
    asked.get('/a/2')!.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    asked.get('/a/1')!.write(okay('first'));
    await vi.waitFor(() => expect(client.received).toContain('half'));
    asked.get('/a/2')!.write('second');
    expect(await client.toEnd()).toMatch(
      /^HTTP\/1\.1 200 [\s\S]*first[\s\S]*HTTP\/1\.1 200 [\s\S]*halfsecondHTTP\/1\.1 400 [\s\S]*malformed_request/,
    );
  });

  it('are not acted on when their head took too long, while the one before is answered', async () => {
    const { port, asked, usage } = await scripted({ headersTimeoutMs: 100 });
    const client = new RawClient(port, get('/a/1') + get('/a/2').slice(0, -4));
    await vi.waitFor(() => expect(asked.size).toBe(1));
    asked.get('/a/1')!.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    expect(await new RawClient(port, 'GET /a HTTP/1.1\r\nX').toEnd()).toContain(' 408 '); // it began later
    client.socket.write('\r\n\r\n');
    asked.get('/a/1')!.write('second');
    expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 200 [\s\S]*halfsecondHTTP\/1\.1 408 [\s\S]*request_timeout/);
    expect(usage).toHaveLength(1);
  });

  it('are not answered with what is meant for a CONNECT behind them', async () => {
    const { port, asked } = await scripted();
    const client = new RawClient(port, get('/a/1'));
    await vi.waitFor(() => expect(asked.size).toBe(1));
    client.socket.write('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n');
    expect(await client.toEnd()).toBe('');
  });
});
