import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UpstreamConnections } from './upstream-connections.js';

const LIMITS = { connectTimeoutMs: 5_000, headersTimeoutMs: 5_000, bodyTimeoutMs: 5_000 };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** An upstream that is scripted byte by byte: told of each request's head, on which connection, and which one it is there. */
class ScriptedUpstream {
  readonly heads: string[] = [];
  readonly sockets: Socket[] = [];

  static async start(
    answer: (socket: Socket, head: string, count: number) => void,
    limits: Partial<typeof LIMITS> = {},
    connected: (socket: Socket) => void = () => undefined,
  ): Promise<{ upstream: ScriptedUpstream; connections: UpstreamConnections }> {
    const upstream = new ScriptedUpstream();
    const server: Server = createServer((socket) => {
      upstream.#serve(socket, answer);
      connected(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connections = UpstreamConnections.for(origin, { ...LIMITS, ...limits })!;
    stops.push(() => {
      connections.destroy();
      for (const socket of upstream.sockets) socket.destroy();
      server.close();
    });
    return { upstream, connections };
  }

  #serve(socket: Socket, answer: (socket: Socket, head: string, count: number) => void): void {
    this.sockets.push(socket);
    let [unread, count] = ['', 0];
    socket.on('error', () => undefined);
    socket.setEncoding('latin1').on('data', (text) => {
      unread += String(text);
      for (let end = unread.indexOf('\r\n\r\n'); end >= 0; end = unread.indexOf('\r\n\r\n')) {
        const head = unread.slice(0, end + 4);
        unread = unread.slice(end + 4);
        this.heads.push(head);
        answer(socket, head, ++count);
      }
    });
  }
}

interface Outcome {
  events: string[];
  body: string;
  status: number;
  headers: string[];
  trailers: string[];
  error: (Error & { code?: string }) | undefined;
}

interface Asked {
  method?: Dispatcher.HttpMethod;
  path?: string;
  headers?: string[];
  on?: Partial<Dispatcher.DispatchHandler>;
}

function ask(
  connections: UpstreamConnections,
  { method = 'GET', path = '/a', headers = [], on = {} }: Asked = {},
): Promise<Outcome> {
  const outcome: Outcome = { events: [], body: '', status: 0, headers: [], trailers: [], error: undefined };
  return new Promise((resolve) => {
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller, context) {
        outcome.events.push('start');
        on.onRequestStart?.(controller, context);
      },
      onResponseStart(controller, status, parsed, phrase) {
        outcome.events.push(String(status));
        outcome.status = status;
        outcome.headers = controller.rawHeaders as unknown as string[];
        on.onResponseStart?.(controller, status, parsed, phrase);
      },
      onResponseData(controller, chunk) {
        outcome.body += chunk.toString('latin1');
        on.onResponseData?.(controller, chunk);
      },
      onResponseEnd(controller) {
        outcome.events.push('end');
        outcome.trailers = controller.rawTrailers as unknown as string[];
        resolve(outcome);
      },
      onResponseError(controller, error) {
        outcome.events.push(controller === null ? 'never sent' : 'error');
        outcome.error = error;
        resolve(outcome);
      },
    };
    connections.dispatch({ method, path, headers, body: null }, handler);
  });
}

const broken = (): never => {
  throw new Error('a handler that fails');
};

describe('a connection to an upstream', () => {
  it('carries one request after the other, with its headers as they were given', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(OK));
    for (const path of ['/a', '/b?c=%20']) {
      expect(await ask(connections, { path, headers: ['X-One', 'é', 'X-One', '2'] })).toMatchObject({
        status: 200,
        body: 'ok',
      });
    }
    expect(upstream.sockets).toHaveLength(1);
    expect(upstream.heads.map((head) => head.split('\r\n'))).toEqual(
      ['/a', '/b?c=%20'].map((path) => [
        `GET ${path} HTTP/1.1`,
        expect.stringMatching(/^Host: 127\.0\.0\.1:\d+$/),
        'X-One: é',
        'X-One: 2',
        '',
        '',
      ]),
    );
  });

  it('is one of several when requests come at once', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => setImmediate(() => socket.write(OK)));
    const outcomes = await Promise.all([ask(connections), ask(connections), ask(connections)]);
    expect(outcomes.map(({ body }) => body)).toEqual(['ok', 'ok', 'ok']);
    expect(upstream.sockets).toHaveLength(3);
  });

  it('reads an answer that comes byte by byte, with more headers than the parser tells at once, and trailers', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `X-${i}`);
    const head = `HTTP/1.1 200 OK\r\n${names.map((name) => `${name}: v\r\n`).join('')}Transfer-Encoding: chunked\r\n\r\n`;
    const bytes = `${head}4\r\nsome\r\n3;a=b\r\nmor\r\n0\r\nX-Sum: 7\r\n\r\n`;
    const { connections } = await ScriptedUpstream.start(async (socket) => {
      for (const byte of bytes) {
        socket.write(byte, 'latin1');
        await new Promise(setImmediate);
      }
    });
    const { headers, body, trailers } = await ask(connections);
    expect(headers.filter((_, i) => i % 2 === 0)).toEqual([...names, 'Transfer-Encoding']);
    expect({ body, trailers }).toEqual({ body: 'somemor', trailers: ['X-Sum', '7'] });
  });

  it.each([
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['304', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'],
  ])('takes no body after %s, and is used again', async (_what, bytes) => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(bytes));
    for (let i = 0; i < 2; i++) expect(await ask(connections)).toMatchObject({ body: '', error: undefined });
    expect(upstream.sockets).toHaveLength(1);
  });

  it('tells interim answers, and the one that follows', async () => {
    const bytes = `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`;
    const { connections } = await ScriptedUpstream.start((socket) => socket.write(bytes));
    expect(await ask(connections)).toMatchObject({ events: ['start', '103', '102', '200', 'end'], body: 'ok' });
  });

  it('takes a body without a length to be whole when the connection ends, and not before', async () => {
    const { connections } = await ScriptedUpstream.start((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    expect(await ask(connections)).toMatchObject({ body: 'all of it', error: undefined });
  });

  it.each([
    ['before any', ''],
    ['in the head', 'HTTP/1.1 200 OK\r\nX: '],
    ['in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort'],
    ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nshort'],
  ])('fails when it ends %s', async (_where, bytes) => {
    const { connections } = await ScriptedUpstream.start((socket) => socket.end(bytes));
    const { events, error } = await ask(connections);
    expect(error).toBeInstanceOf(Error);
    expect(events.at(-1)).toBe('error');
  });
});

describe('a connection is not used again', () => {
  it.each([
    ['when the upstream closes it', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['when the upstream speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    [
      'when the upstream keeps it for no time',
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok',
    ],
    ['when a whole answer follows that nobody asked for', OK + OK],
    ['when the beginning of one follows', `${OK}HTTP/1.1 200 OK\r\n`],
    ['when anything else follows', `${OK}what is this`],
    [
      'when an HTTP/1.0 upstream would keep it',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    ],
  ])('%s', async (_when, bytes) => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(bytes));
    for (let i = 0; i < 3; i++)
      expect(await ask(connections)).toMatchObject({ status: 200, body: 'ok', error: undefined });
    expect(upstream.sockets).toHaveLength(3);
  });

  it.each([
    ['to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'],
    ['of 204 that has a length', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n'],
    ['of 204 that has chunks', 'DELETE', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['of 304 that has a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n'],
  ] as const)('after an answer %s: a body may still come of it', async (_what, method, bytes) => {
    const { upstream, connections } = await ScriptedUpstream.start((socket, head) => {
      socket.write(head.startsWith('GET /next') ? OK : bytes);
    });
    expect(await ask(connections, { method })).toMatchObject({ body: '', error: undefined });
    expect(await ask(connections, { path: '/next' })).toMatchObject({ body: 'ok' });
    expect(upstream.sockets).toHaveLength(2);
  });

  it('when the answer came before the whole request was sent', async () => {
    const meets = (socket: Socket): void => void (upstream.sockets.length === 1 && socket.pause().write(OK));
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(OK), {}, meets);
    expect(await ask(connections, { headers: ['X', 'x'.repeat(32 * 1_048_576)] })).toMatchObject({ body: 'ok' });
    expect(await ask(connections)).toMatchObject({ body: 'ok' });
    expect(upstream.sockets).toHaveLength(2);
    expect(upstream.heads).toHaveLength(1); // the rest of the first stands before none
  });

  it('when bytes come while it is idle', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(OK));
    await ask(connections);
    upstream.sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await once(upstream.sockets[0]!, 'close');
    expect(await ask(connections)).toMatchObject({ body: 'ok' });
    expect(upstream.sockets).toHaveLength(2);
  });

  it('when the upstream has closed it meanwhile, or is about to by its own word', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2, max=9\r\nContent-Length: 2\r\n\r\nok';
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(answer));
    await ask(connections);
    await once(upstream.sockets[0]!, 'close'); // a second before its time is over
    await ask(connections);
    upstream.sockets[1]!.end();
    await once(upstream.sockets[1]!, 'close');
    expect(await ask(connections)).toMatchObject({ body: 'ok' });
    expect(upstream.sockets).toHaveLength(3);
  });
});

describe('an answer that can not be trusted', () => {
  it.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['another protocol', 'SSH-2.0-OpenSSH\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['a head beyond all bounds', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
  ])('fails and ends the connection: %s', async (_what, bytes) => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(bytes));
    expect((await ask(connections)).error).toBeInstanceOf(Error);
    await vi.waitFor(() => expect(upstream.sockets[0]!.destroyed).toBe(true));
  });
});

describe('waiting for an upstream', () => {
  it.each([
    ['for the head', '', { headersTimeoutMs: 100 }, 'UND_ERR_HEADERS_TIMEOUT'],
    [
      'for the body',
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf',
      { bodyTimeoutMs: 100 },
      'UND_ERR_BODY_TIMEOUT',
    ],
  ])('has an end: %s', async (_what, bytes, limits, code) => {
    const { connections } = await ScriptedUpstream.start((socket) => void (bytes && socket.write(bytes)), limits);
    expect((await ask(connections)).error?.code).toBe(code);
  });

  it.each([
    ['a head that trickles in', 'X'],
    ['interim answers without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('is not drawn out by %s', async (_what, bytes) => {
    let timer: NodeJS.Timeout | undefined;
    stops.push(() => clearInterval(timer));
    const { connections } = await ScriptedUpstream.start(
      (socket) => {
        if (bytes === 'X') socket.write('HTTP/1.1 200 OK\r\n');
        timer = setInterval(() => socket.write(bytes), 10);
      },
      { headersTimeoutMs: 200 },
    );
    expect((await ask(connections)).error?.code).toBe('UND_ERR_HEADERS_TIMEOUT');
  });

  it('is not over while the client takes its time', async () => {
    const limits = { bodyTimeoutMs: 100 };
    const { connections } = await ScriptedUpstream.start((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
      setTimeout(() => socket.write('half'), 400); // later than the longest silence that is allowed
    }, limits);
    const outcome = ask(connections, {
      on: {
        onResponseData(controller) {
          controller.pause();
          setTimeout(() => controller.resume(), 500); // the client takes its time: later than that limit too
        },
      },
    });
    expect(await outcome).toMatchObject({ body: 'halfhalf', error: undefined });
  });

  it('says that nothing was sent when no connection could be made', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(OK));
    expect(upstream.sockets).toEqual([]);
    for (const stop of stops.splice(0)) stop();
    await vi.waitFor(async () => {
      expect(await ask(connections)).toMatchObject({ events: ['never sent'], error: { code: 'ECONNREFUSED' } });
    });
  });
});

describe('a request that is given up', () => {
  it('is not sent when that is known before', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(OK));
    const gone = new Error('gone');
    const outcome = await ask(connections, { on: { onRequestStart: (controller) => controller.abort(gone) } });
    expect(outcome.error).toBe(gone);
    expect(await ask(connections)).toMatchObject({ body: 'ok' });
    expect(upstream.heads).toHaveLength(1);
  });

  it('ends its connection, and no other when it is given up again later', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket, _head, count) => {
      if (upstream.heads.length > 1 || count > 1) socket.write(OK);
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
    });
    let first: Dispatcher.DispatchController | undefined;
    const outcome = await ask(connections, {
      on: {
        onResponseData(controller) {
          first = controller;
          controller.abort(new Error('gone'));
        },
      },
    });
    expect(outcome.error?.message).toBe('gone');
    const second = ask(connections);
    first?.abort(new Error('again'));
    first?.pause();
    expect(await second).toMatchObject({ body: 'ok', error: undefined });
  });

  it('has its handler to blame when that throws', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(OK));
    expect((await ask(connections, { on: { onResponseStart: broken } })).error?.message).toBe('a handler that fails');
    expect(await ask(connections)).toMatchObject({ body: 'ok' });
    expect(upstream.sockets).toHaveLength(2);
  });

  it('is never written when a header or the target would end its line', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(OK));
    for (const asked of [
      { headers: ['X', 'a\r\nY: b'] },
      { headers: ['X: a\r\nY', 'b'] },
      { headers: ['X', 'a\0'] },
      { path: '/a HTTP/1.1\r\nX: y' },
      { path: '/a b' },
    ]) {
      expect(() => void ask(connections, asked).catch(() => undefined)).not.toThrow(); // the promise carries it
      await expect(ask(connections, asked)).rejects.toThrow(TypeError);
    }
    expect(upstream.sockets).toEqual([]);
  });
});

describe('closing', () => {
  it('waits for what is being answered, and closes the rest at once', async () => {
    let waiting: Socket | undefined;
    const { upstream, connections } = await ScriptedUpstream.start((socket, head) => {
      if (head.startsWith('GET /slow')) waiting = socket;
      else socket.write(OK);
    });
    const slow = ask(connections, { path: '/slow' });
    await vi.waitFor(() => expect(upstream.heads).toHaveLength(1));
    await ask(connections);
    const closed = new Promise<void>((resolve) => connections.close(resolve));
    await once(upstream.sockets[1]!, 'close');
    waiting!.write(OK);
    expect(await slow).toMatchObject({ body: 'ok' });
    await closed;
  });

  it('is told once, however late a request comes after it', async () => {
    const { upstream, connections } = await ScriptedUpstream.start((socket) => socket.write(OK));
    let told = 0;
    connections.close(() => (told += 1));
    expect(await ask(connections)).toMatchObject({ body: 'ok' });
    const cut = ask(connections);
    connections.destroy();
    expect((await cut).error).toBeInstanceOf(Error);
    await vi.waitFor(() => expect(upstream.sockets.every((socket) => socket.destroyed)).toBe(true));
    expect(told).toBe(1);
  });
});
