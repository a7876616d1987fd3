import { createServer } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deadPort, RawClient, send, Started } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n\r\n';
const token = 'editor';

describe('an upstream that fails', () => {
  it('is 502 when it cannot be reached', async () => {
    const { port, warnings } = await started.inFrontOf([await deadPort()]);
    const answer = await send(port, '/a', { method: 'POST', token, body: 'x'.repeat(100_000) });
    expect(answer).toMatchObject({ status: 502, body: expect.stringContaining('"upstream_unreachable"') });
    expect(warnings).toEqual([expect.stringContaining('ECONNREFUSED')]);
  });

  it.each([
    ['hangs up', '', 502],
    ['speaks no HTTP', 'HELLO\r\n\r\n', 502],
    ['frames its answer twice', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 502],
    [
      'switches protocols unasked',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      502,
    ],
    [
      'sends a transfer coding that nobody asked for',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      502,
    ],
    ['sends a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 502],
  ])('is a problem document when it %s', async (_name, bytes, status) => {
    const { port } = await started.scripted(bytes, true);
    expect(await send(port, '/a', { token })).toMatchObject({
      status,
      body: expect.stringContaining('"upstream_failed"'),
    });
  });

  it('is 504 when it does not answer in time', async () => {
    const { port } = await started.scripted('', false, { headersTimeoutMs: 100 });
    expect(await send(port, '/a', { token })).toMatchObject({
      status: 504,
      body: expect.stringContaining('"upstream_timeout"'),
    });
  });

  it.each([
    ['hangs up', true, {}],
    ['falls silent', false, { bodyTimeoutMs: 100 }],
  ])(
    'cuts the connection when it %s in the middle of an answer, so that nobody takes it for whole',
    async (_name, hangUp, limits) => {
      const { port } = await started.scripted(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n',
        hangUp,
        limits,
      );
      const received = await new RawClient(port, GET).toEnd();
      expect(received).toContain('some');
      expect(received).not.toMatch(/0\r\n\r\n$/);
    },
  );

  it('is passed over for the next one while nothing was sent, and the load is shared', async () => {
    const ports = await Promise.all(
      ['one', 'two'].map((name) => started.upstream((_request, response) => response.end(name))),
    );
    const { port } = await started.inFrontOf([ports[0] as number, await deadPort(), ports[1] as number]);
    const bodies = [];
    for (let i = 0; i < 6; i += 1) bodies.push((await send(port, '/a', { method: 'POST', token, body: 'x' })).body);
    expect(new Set(bodies)).toEqual(new Set(['one', 'two']));
  });

  it('is 504 when connections to it are neither taken nor refused, and passed over for the next one', async () => {
    const gone = await started.blackHole();
    const limits = { connectTimeoutMs: 300 };
    const alone = await started.inFrontOf([gone], limits);
    expect(await send(alone.port, '/a', { token })).toMatchObject({
      status: 504,
      body: expect.stringContaining('"upstream_timeout"'),
    });
    const good = await started.upstream((_request, response) => response.end('good'));
    const { port } = await started.inFrontOf([gone, good], limits);
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => send(port, '/a', { token, method: 'POST', body: 'x' })),
    );
    expect(answers.map(({ body }) => body)).toEqual(Array(6).fill('good'));
  });

  it('is left alone once it could not be reached, tried again later, and taken back when it answers', async () => {
    const port = await deadPort();
    const good = await started.upstream((_request, response) => response.end('good'));
    const gateway = await started.inFrontOf([port, good]);
    const bodies = async (count: number): Promise<string[]> => {
      const answers = [];
      for (let i = 0; i < count; i++) answers.push((await send(gateway.port, '/a', { token })).body);
      return answers;
    };
    expect(await bodies(4)).toEqual(Array(4).fill('good'));
    let connections = 0;
    const back = createServer((_request, response) => response.end('back')).on('connection', () => (connections += 1));
    await new Promise<void>((resolve) => back.listen(port, '127.0.0.1', resolve));
    expect(await bodies(4)).toEqual(Array(4).fill('good')); // shunned for a second
    expect(connections).toBe(0);
    await vi.waitFor(async () => expect(await bodies(2)).toContain('back'), { timeout: 20_000 });
    expect((await bodies(4)).filter((body) => body === 'back')).toHaveLength(2);
    back.closeAllConnections();
    back.close();
  });

  it('is not given a request again that may have reached it', async () => {
    let connections = 0;
    const port = await started.rawUpstream((socket) => {
      connections += 1;
      socket.once('data', () => socket.destroy());
    });
    const gateway = await started.inFrontOf([port, port]);
    expect((await send(gateway.port, '/a', { method: 'POST', token, body: 'x' })).status).toBe(502);
    expect(connections).toBe(1);
  });

  it('is 503 when too many requests wait for it, while another upstream goes on', async () => {
    const slow = await started.rawUpstream((socket) => socket.resume());
    const { port, routes } = await started.inFrontOf([slow], { activeMax: 2 });
    const fast = await started.upstream((_request, response) => response.end('fast'));
    routes.set(
      `routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${slow}']}, {prefix: /b, upstreams: ['http://127.0.0.1:${fast}']}]`,
    );
    const waiting = [new RawClient(port, GET), new RawClient(port, GET)];
    await vi.waitFor(async () => {
      expect(await send(port, '/a', { token })).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    });
    expect((await send(port, '/b', { token })).body).toBe('fast');
    for (const client of waiting) client.socket.destroy();
  });
});
