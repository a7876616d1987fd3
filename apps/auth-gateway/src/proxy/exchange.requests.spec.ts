import { type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { echo, echoed, RawClient, send, Started } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n\r\n';
const token = 'editor';

describe('a request', () => {
  it.each([
    ['POST', 'hello', 'content-length', '5'],
    ['PUT', 'hello', 'content-length', '5'],
    ['DELETE', 'hello', 'content-length', '5'],
    ['GET', 'hello', 'content-length', '5'],
    ['POST', '', 'content-length', '0'],
  ])('keeps method, body and length: %s %j', async (method, body, name, value) => {
    const { port } = await started.proxied(echo);
    const headers = { 'Content-Length': String(body.length) };
    const seen = echoed(await send(port, '/a', { method, token, body, headers }));
    expect(seen).toMatchObject({ method, body, headers: { [name]: value } });
  });

  it('of unknown length stays chunked, and its trailers stay behind', async () => {
    const { port } = await started.proxied(echo);
    const head = 'POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\nTrailer: X-Auth-Role\r\n';
    const client = new RawClient(port, `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    client.socket.write('2\r\nde\r\n0\r\nX-Auth-Role: Admin\r\n\r\n');
    await vi.waitFor(() => expect(client.received).toContain('"body":"abcde"'));
    expect(client.received).toContain('"transfer-encoding":"chunked"');
    expect(client.received).toContain('"x-auth-role":"Editor"');
    expect(client.received).not.toContain('trailer');
    client.socket.destroy();
  });

  it('is sent while its body is still coming', async () => {
    let seen = '';
    const { port } = await started.proxied((request, response) => {
      request.setEncoding('latin1').on('data', (chunk) => (seen += String(chunk)));
      request.on('end', () => response.end('done'));
    });
    const outgoing = httpRequest({
      port,
      path: '/a',
      method: 'POST',
      headers: { Authorization: 'Bearer editor' },
      agent: false,
    });
    const answered = new Promise<IncomingMessage>((resolve) => outgoing.once('response', resolve));
    outgoing.write('first');
    await vi.waitFor(() => expect(seen).toBe('first'));
    outgoing.end('last');
    expect((await answered).statusCode).toBe(200);
    (await answered).resume();
  });

  it('is held back when the upstream takes its time', async () => {
    let upstreamSocket: Socket | undefined;
    const port = await started.rawUpstream((socket) => {
      upstreamSocket = socket.pause();
    });
    const gateway = await started.inFrontOf([port]);
    const size = 64 * 1_048_576;
    const client = new RawClient(
      gateway.port,
      `POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\nContent-Length: ${size}\r\n\r\n`,
    );
    client.socket.write(Buffer.alloc(size));
    await vi.waitFor(() => expect(upstreamSocket).toBeDefined());
    // It comes to a stop with most of it unsent: what is under way fits in the buffers of the two connections.
    let before = -1;
    await vi.waitFor(
      () => {
        const stalled = client.socket.bytesWritten - client.socket.writableLength === before;
        before = client.socket.bytesWritten - client.socket.writableLength;
        expect(stalled).toBe(true);
      },
      { interval: 200, timeout: 5_000 },
    );
    expect(client.socket.writableLength).toBeGreaterThan(size / 2);
    client.socket.destroy();
  });

  it('that the client breaks off is broken off at the upstream, before and while it is answered', async () => {
    const seen: (string | undefined)[] = [];
    const closed: string[] = [];
    const { port } = await started.proxied((request, response) => {
      seen.push(request.url);
      response.on('close', () => closed.push(request.url as string));
      if (request.url === '/a/started') response.write('some');
    });
    for (const path of ['/a/silent', '/a/started']) {
      const client = new RawClient(port, GET.replace('/a', path));
      await vi.waitFor(() => expect(seen).toContain(path));
      await vi.waitFor(() => expect(client.received.includes('some')).toBe(path === '/a/started'));
      client.socket.destroy();
    }
    await vi.waitFor(() => expect(closed.toSorted()).toEqual(['/a/silent', '/a/started']));
  });

  it('whose upload the client breaks off is broken off at the upstream', async () => {
    let seen = '';
    const { port } = await started.proxied((request) => {
      request.on('data', (chunk) => (seen += String(chunk))).on('aborted', () => (seen += '|aborted'));
    });
    const client = new RawClient(port, `${GET.replace('GET', 'POST').slice(0, -2)}Content-Length: 10\r\n\r\nabc`);
    await vi.waitFor(() => expect(seen).toBe('abc'));
    client.socket.destroy();
    await vi.waitFor(() => expect(seen).toBe('abc|aborted'));
  });

  it('that stops in the middle of its body is 408', async () => {
    const { port } = await started.inFrontOf([await started.upstream(echo)], { requestBodyTimeoutMs: 50 });
    const client = new RawClient(port, `${GET.replace('GET', 'POST').slice(0, -2)}Content-Length: 10\r\n\r\nabc`);
    expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
  });

  it('may follow another on the same connection without waiting, and the answers keep their order', async () => {
    const waiting = new Map<string, ServerResponse>();
    const { port } = await started.proxied((request, response) => waiting.set(request.url as string, response));
    const client = new RawClient(port, ['/a/1', '/a/2', '/a/3'].map((path) => GET.replace('/a', path)).join(''));
    await vi.waitFor(() => expect(waiting.size).toBe(3));
    for (const path of ['/a/3', '/a/2', '/a/1']) waiting.get(path)?.end(`<${path}>`);
    await vi.waitFor(() => expect(client.received.match(/<.{4}>/g)).toEqual(['</a/1>', '</a/2>', '</a/3>']));
    client.socket.destroy();
  });
});
