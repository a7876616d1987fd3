import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGatewayServer, leaveClientErrorToServer } from './http-server.js';
import { echo, problemIn, RawClient, send, Started, type TestGateway } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

async function guarded(options: Parameters<Started['gateway']>[1] = {}): Promise<TestGateway & { seen: string[] }> {
  const seen: string[] = [];
  const upstream = await started.upstream((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    echo(request, response);
  });
  const gateway = await started.gateway(`routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${upstream}']}]`, options);
  return { ...gateway, seen };
}

const HEAD = 'POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n';

describe('a request that the server itself refuses', () => {
  it.each([
    ['a bad request line', 'NONSENSE\r\n\r\n', 400],
    ['an unknown method', 'FOO /a HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['another HTTP version', 'GET /a HTTP/1.2\r\nHost: a\r\n\r\n', 400],
    ['HTTP/0.9', 'GET /a\r\n\r\n', 400],
    ['no Host', 'GET /a HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two Hosts', 'GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['an absolute form', 'GET http://a/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400],
    ['an asterisk form', 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400],
    ['a raw byte in its path', 'GET /a\x80 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['a header that is too large', `GET /a HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a path that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['too many headers', `GET /a HTTP/1.1\r\nHost: a\r\n${'X: x\r\n'.repeat(300)}Connection: close\r\n\r\n`, 431],
    ['a tunnel to be made', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 501],
    ['another expectation', 'GET /a HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n', 417],
    ['both framings', `${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [
      'both framings, the other way round',
      `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['two lengths', `${HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400],
    ['a signed length', `${HEAD}Content-Length: +3\r\n\r\nabc`, 400],
    ['a space before the colon', `${HEAD}Content-Length : 3\r\n\r\nabc`, 400],
    ['a coding besides chunked', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a coding that only looks like chunked', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
    ['chunked twice', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a folded header', `${HEAD}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`, 400],
    [
      'chunks in HTTP/1.0',
      'POST /a HTTP/1.0\r\nAuthorization: Bearer editor\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['bare line feeds', 'GET /a HTTP/1.1\nHost: a\n\n', 400],
  ])('is a problem document and reaches no upstream: %s', async (_name, bytes, status) => {
    const { port, seen } = await guarded();
    const received = await new RawClient(port, Buffer.from(bytes, 'latin1')).toEnd();
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(received).toContain('Content-Type: application/problem+json\r\n');
    expect(problemIn(received)).toMatchObject({ status, code: expect.any(String), detail: expect.any(String) });
    expect(seen).toEqual([]);
  });

  it('is 408 when its headers take too long', async () => {
    const { port } = await guarded({ server: { headersTimeoutMs: 100 } });
    const received = await new RawClient(port, 'GET /a HTTP/1.1\r\nHost: a\r\nX').toEnd();
    expect(problemIn(received)).toMatchObject({ status: 408, code: 'request_timeout' });
  });

  it('is 400 when its chunks break off in nonsense, and the upstream is told', async () => {
    let seen = '';
    const upstream = await started.upstream((request) => {
      request.on('data', (chunk) => (seen += String(chunk))).on('aborted', () => (seen += '|aborted'));
    });
    const { port } = await started.gateway(`routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${upstream}']}]`);
    const client = new RawClient(port, `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    await vi.waitFor(() => expect(seen).toBe('abc'));
    client.socket.write('xyz\r\n');
    expect(problemIn(await client.toEnd())).toMatchObject({ status: 400, code: 'malformed_request' });
    await vi.waitFor(() => expect(seen).toBe('abc|aborted'));
  });

  it('does not take the place of the answer to the request before it', async () => {
    const { port } = await guarded();
    const received = await new RawClient(
      port,
      'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n\r\nNONSENSE\r\n\r\n',
    ).toEnd();
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(received.lastIndexOf('HTTP/1.1 400 ')).toBeGreaterThan(0);
  });
});

const expecting = (token: string): string =>
  `POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`;

describe('under Fastify', () => {
  it('a broken request still gets the problem document, after the answer to the request before it', async () => {
    const app = fastify({
      clientErrorHandler: leaveClientErrorToServer,
      serverFactory: (handler) =>
        createGatewayServer({ handle: () => false, upgrades: () => false, handleUpgrade: () => {} }, handler),
    });
    app.get('/late', (_request, reply) => void setImmediate(() => reply.send('late')));
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const received = await new RawClient(port, 'GET /late HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n').toEnd();
    await app.close();
    expect(received).toMatch(
      /^HTTP\/1\.1 200 OK[\s\S]*lateHTTP\/1\.1 400 [\s\S]*problem\+json[\s\S]*malformed_request/,
    );
  });
});

describe('Expect: 100-continue', () => {
  it('invites the body of a request that is let in', async () => {
    const { port } = await guarded();
    const client = new RawClient(port, expecting('editor'));
    await vi.waitFor(() => expect(client.received).toBe('HTTP/1.1 100 Continue\r\n\r\n'));
    client.socket.write('hello');
    await vi.waitFor(() => expect(client.received).toContain('"body":"hello"'));
    client.socket.destroy();
  });

  it('does not invite the body of a request that is refused', async () => {
    const { port, seen } = await guarded();
    const received = await new RawClient(port, expecting('nobody')).toEnd();
    expect(received).toMatch(/^HTTP\/1\.1 401 /);
    expect(seen).toEqual([]);
  });

  it('does not invite a body when no upstream can take it', async () => {
    const { port } = await started.gateway("routes: [{prefix: /a, upstreams: ['http://127.0.0.1:1']}]");
    expect(await new RawClient(port, expecting('editor')).toEnd()).toMatch(/^HTTP\/1\.1 502 /);
  });

  it('goes on to the gateway’s own app for its own paths', async () => {
    const { port } = await guarded();
    expect((await send(port, '/livez', { headers: { Expect: '100-continue' } })).body).toBe('nest /livez');
  });
});

describe('a refused request whose body is still coming', () => {
  it('is answered whole, and the connection ends', async () => {
    const { port, seen } = await guarded();
    const client = new RawClient(port, 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n');
    client.socket.write(Buffer.alloc(100_000));
    await vi.waitFor(() => expect(client.received).toContain('missing_token'));
    client.socket.write(Buffer.alloc(400_000));
    const received = await client.toEnd();
    expect(received).toMatch(/^HTTP\/1\.1 401 [\s\S]*Connection: close\r\n/);
    expect(problemIn(received)).toMatchObject({ status: 401 });
    expect(seen).toEqual([]);
  });

  it('is read to its end, however short, before the connection ends: a reset could take the answer away', async () => {
    const { port, dataPath } = await guarded();
    dataPath.startDraining();
    const client = new RawClient(port, `${HEAD}Content-Length: 5\r\n\r\n`);
    await vi.waitFor(() => expect(client.received).toMatch(/Connection: close[\s\S]*shutting_down/));
    await send(port, '/a'); // time enough for an end to arrive
    expect(client.closed).toBe(false);
    client.socket.write('hello');
    await client.toEnd();
  });

  it('is cut off when the client never stops', async () => {
    const { port } = await guarded();
    const client = new RawClient(port, 'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const more = (): void => {
      while (!client.socket.destroyed && client.socket.write(chunk));
    };
    client.socket.on('drain', more);
    more();
    expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('leaves the connection usable when the body was short', async () => {
    const { port } = await guarded();
    const client = new RawClient(port, 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe');
    await vi.waitFor(() => expect(client.received).toContain('missing_token'));
    client.socket.write('lloGET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
    await vi.waitFor(() => expect(client.received).toContain('nest /livez'));
    client.socket.destroy();
  });

  it('leaves the connection usable when there was no body', async () => {
    const { port } = await guarded();
    const client = new RawClient(port, 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3));
    await vi.waitFor(() => expect(client.received.match(/HTTP\/1\.1 401 /g)).toHaveLength(3));
    expect(client.closed).toBe(false);
    client.socket.destroy();
  });
});
