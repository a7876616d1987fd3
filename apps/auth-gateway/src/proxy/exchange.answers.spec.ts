import { IncomingMessage, request as httpRequest, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Flight } from '../upstream-client/flight.js';
import { Exchange } from './exchange.js';
import { RawClient, send, Started } from './testing/gateway-harness.js';
import type { UpstreamGroup } from './upstream.js';

const started = new Started();
afterEach(() => started.stop());

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n\r\n';
const token = 'editor';
const NOBODY = { order: () => [] } as unknown as UpstreamGroup;

describe('an answer', () => {
  it('keeps status, phrase, duplicates, spelling and bytes', async () => {
    const head =
      'HTTP/1.1 299 Quite Fine\r\nset-cookie: a=1\r\nX-Dup: 1\r\nSet-Cookie: b=2\r\nX-Dup: 2\r\nX-Latin: caf\xe9\r\n';
    const { port } = await started.scripted(
      `${head}Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00`,
      false,
    );
    const client = new RawClient(port, GET);
    await vi.waitFor(() => expect(client.received).toContain('\r\n\r\n\x1f\x8b\x08\x00'));
    expect(client.received).toMatch(
      /^HTTP\/1\.1 299 Quite Fine\r\nset-cookie: a=1\r\nX-Dup: 1\r\nSet-Cookie: b=2\r\nX-Dup: 2\r\n/,
    );
    expect(client.received).toContain('X-Latin: caf\xe9\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n');
    client.socket.destroy();
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n', 'Content-Length: 1234'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 1234\r\n\r\n', 'ETag: "x"'],
    ['GET', 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n', 'X-A: b'],
    ['DELETE', 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n', 'X-A: b'],
  ])('without a body has none, and the connection goes on: %s %j', async (method, bytes, header) => {
    const { port } = await started.scripted(bytes, false);
    const client = new RawClient(port, GET.replace('GET', method));
    await vi.waitFor(() => expect(client.received).toMatch(/\r\n\r\n$/));
    expect(client.received).toContain(`${header}\r\n`);
    expect(client.received).not.toContain('chunked');
    client.socket.write(GET.replace('GET', method));
    await vi.waitFor(() => expect(client.received.match(/\r\n\r\n/g)).toHaveLength(2));
    client.socket.destroy();
  });

  it('may be announced by interim answers, but not to an HTTP/1.0 client', async () => {
    const { port } = await started.scripted(
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      false,
    );
    const client = new RawClient(port, GET);
    await vi.waitFor(() => expect(client.received).toMatch(/ok$/));
    expect(client.received).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
    client.socket.destroy();
    expect(await new RawClient(port, GET.replace('HTTP/1.1', 'HTTP/1.0')).toEnd()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('carries its trailers along', async () => {
    const { port } = await started.proxied((_request, response) => {
      response.writeHead(200, { Trailer: 'Checksum' });
      response.write('body');
      response.addTrailers({ Checksum: 'abc' });
      response.end();
    });
    const answer = await send(port, '/a', { token, headers: { TE: 'trailers' } });
    expect(answer).toMatchObject({ body: 'body', trailers: { checksum: 'abc' }, headers: { trailer: 'Checksum' } });
  });

  it('is sent head first, and each piece as it comes: server-sent events are not held back', async () => {
    let source: ServerResponse | undefined;
    const { port } = await started.proxied((_request, response) => {
      source = response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      source.flushHeaders();
    });
    const client = new RawClient(port, GET);
    await vi.waitFor(() => expect(client.received).toContain('text/event-stream'));
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      source?.write(event);
      await vi.waitFor(() => expect(client.received).toContain(event));
    }
    client.socket.destroy();
  });

  it('is held back when the client takes its time', async () => {
    const total = 64 * 1_048_576;
    let source: ServerResponse | undefined;
    const { port } = await started.proxied((_request, response) => {
      source = response.writeHead(200, { 'Content-Length': total });
      source.write(Buffer.alloc(total));
    });
    const client = new RawClient(port);
    client.socket.pause();
    client.socket.write(GET);
    let before = -1;
    await vi.waitFor(
      () => {
        const left = source?.socket?.writableLength ?? -1;
        const stalled = left === before && left > 0;
        before = left;
        expect(stalled).toBe(true);
      },
      { interval: 200, timeout: 5_000 },
    );
    expect(before).toBeGreaterThan(total / 2);
    client.socket.destroy();
  });

  it('may come in any number of pieces at once while the client takes its time', () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request); // it waits for its turn, so nothing leaves
    const outgoing = { method: 'GET', target: '/', headers: [], body: undefined };
    const rules = { added: [], replacesCors: false, fromTokenService: false };
    const exchange = new Exchange(request, response, outgoing, NOBODY, rules, () => false);
    const controller = new Flight('', false, exchange);
    exchange.onResponseStart(controller, 200, {}, 'OK');
    for (let i = 0; i < 100; i++) exchange.onResponseData(controller, Buffer.alloc(65_536));
    expect([controller.paused, response.listenerCount('drain')]).toEqual([true, 1]);
    response.emit('drain');
    expect([controller.paused, response.listenerCount('drain')]).toEqual([false, 0]);
  });

  it('is announced no more to a client that reads none of it', async () => {
    const count = 2_000;
    const hint = `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(32_000)}\r\n\r\n`;
    const port = await started.rawUpstream((socket) => {
      let left = count;
      const more = (): void => {
        while (left-- > 0) if (!socket.write(hint)) return void socket.once('drain', more);
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', () => (told = true));
      };
      socket.once('data', more);
    });
    let told = false;
    const client = new RawClient((await started.inFrontOf([port])).port);
    client.socket.pause();
    client.socket.write(GET);
    await vi.waitFor(() => expect(told).toBe(true), { timeout: 20_000 });
    client.socket.resume();
    await vi.waitFor(() => expect(client.received).toMatch(/HTTP\/1\.1 200 [\s\S]*ok$/), { timeout: 20_000 });
    expect(client.received.length).toBeLessThan((count * hint.length) / 2); // what the kernel holds, and little more
    client.socket.destroy();
  });

  it('of 64 MiB comes through whole, both ways', async () => {
    const total = 64 * 1_048_576;
    const { port } = await started.proxied((request, response) => {
      request.pipe(response);
    });
    const outgoing = httpRequest({
      port,
      path: '/a',
      method: 'POST',
      headers: { Authorization: 'Bearer editor' },
      agent: false,
    });
    let received = 0;
    const done = new Promise<void>((resolve, reject) => {
      outgoing.on('error', reject).on('response', (incoming) => {
        incoming.on('data', (chunk: Buffer) => (received += chunk.length)).on('end', resolve);
      });
    });
    const piece = Buffer.alloc(65_536, 'x');
    let left = total / piece.length;
    const more = (): void => {
      while (left > 0) {
        left -= 1;
        if (!outgoing.write(piece)) return;
      }
      outgoing.end();
    };
    outgoing.on('drain', more);
    more();
    await done;
    expect(received).toBe(total);
  });

  it('that comes before the end of the request is delivered, and the connection is still good when the rest is short', async () => {
    const { port } = await started.proxied((_request, response) =>
      response.writeHead(413, { Connection: 'close' }).end('too large'),
    );
    const client = new RawClient(port, `${GET.replace('GET', 'POST').slice(0, -2)}Content-Length: 10\r\n\r\nabc`);
    await vi.waitFor(() => expect(client.received).toMatch(/413[\s\S]*too large/));
    client.socket.write(`defghij${GET}`);
    await vi.waitFor(() => expect(client.received.match(/too large/g)).toHaveLength(2));
    client.socket.destroy();
  });

  it.each([
    ['without a length, to an HTTP/1.1 client: chunked', 'HTTP/1.1', /chunked\r\n[\s\S]*\r\n4\r\nbody\r\n0\r\n\r\n$/],
    ['without a length, to an HTTP/1.0 client: to the end of the connection', 'HTTP/1.0', /close\r\n\r\nbody$/],
  ])('%s', async (_name, version, expected) => {
    const { port } = await started.scripted('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbody', true);
    const client = new RawClient(port, GET.replace('HTTP/1.1', version));
    await vi.waitFor(() => expect(client.received).toMatch(expected));
    client.socket.destroy();
  });
});
