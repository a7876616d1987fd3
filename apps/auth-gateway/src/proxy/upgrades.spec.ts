import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ModelLedger, principal, token } from '../access-view/testing/model-ledger.js';
import { echo, problemIn, RawClient, send, Started, type TestGateway } from './testing/gateway-harness.js';
import { UpgradeResponse } from './upgrade-response.js';

const started = new Started();
afterEach(() => started.stop());

/** The machine may be busy. */
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000 });

const handshake = (bearer = 'editor', protocol = 'websocket', more = ''): string =>
  `GET /a/chat HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${bearer}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${more}\r\n`;
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Up: 1\r\n\r\n';

interface Chat extends TestGateway {
  heads: string[];
  sockets: Socket[];
}

/** A gateway before an upstream that changes protocols with these bytes, then shouts back whatever it hears. */
async function chat(options: Parameters<Started['gateway']>[1] = {}, answer = SWITCHED): Promise<Chat> {
  const heads: string[] = [];
  const sockets: Socket[] = [];
  const upstream = await started.rawUpstream((socket) => {
    sockets.push(socket);
    socket.once('data', (head: Buffer) => {
      heads.push(head.toString('latin1'));
      if (answer !== '') socket.write(answer);
      socket.on('data', (piece: Buffer) => socket.write(piece.toString('latin1').toUpperCase()));
    });
  });
  const gateway = await started.gateway(`routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${upstream}']}]`, options);
  gateway.replica.install(new ModelLedger().replayedTo(0));
  return { ...gateway, heads, sockets };
}

async function open(gateway: Chat, bytes = handshake()): Promise<RawClient> {
  const client = new RawClient(gateway.port, bytes);
  await until(() => expect(client.received).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/));
  client.received = '';
  return client;
}

async function expectDead(gateway: Chat, client: RawClient): Promise<void> {
  await until(() => expect(client.closed).toBe(true));
  await until(() => expect(gateway.sockets.every((socket) => socket.destroyed)).toBe(true));
  expect(gateway.standing.count).toBe(0);
}

describe('a request for another protocol', () => {
  it('is let in once, reaches the upstream with the caller’s identity, and becomes a tunnel', async () => {
    const gateway = await chat();
    const headers = 'Sec-WebSocket-Key: abc\r\nX-Auth-Role: Admin\r\nHTTP2-Settings: x\r\n';
    const client = new RawClient(gateway.port, handshake('editor', 'websocket', headers));
    await until(() => expect(client.received).toContain('\r\n\r\n'));
    expect(client.received).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(client.received).toMatch(/X-Up: 1\r\nX-Request-Id: \S+\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
    client.socket.write('hello');
    await until(() => expect(client.received).toMatch(/HELLO$/));
    const head = gateway.heads[0]?.toLowerCase() ?? '';
    expect(head).toContain('connection: upgrade\r\nupgrade: websocket\r\n');
    expect(head).toContain('x-auth-role: editor\r\n');
    expect(head).toContain('sec-websocket-key: abc\r\n');
    expect(head).not.toMatch(/authorization|http2-settings|role: admin/);
    expect(gateway.usage).toEqual([[456, '127.0.0.1']]);
    expect(gateway.dataPath.inFlight).toBe(0);
  });

  it('may send ahead of the answer, and may be answered at once: nothing gets lost', async () => {
    const gateway = await chat({}, `${SWITCHED}welcome`);
    const client = new RawClient(gateway.port, `${handshake()}early`);
    await until(() => expect(client.received).toMatch(/welcomeEARLY$/));
  });

  it('needs the write role, a token and a route', async () => {
    const gateway = await chat();
    const statusOf = async (bytes: string): Promise<unknown> =>
      problemIn(await new RawClient(gateway.port, bytes).toEnd());
    expect(await statusOf(handshake('member'))).toMatchObject({ status: 403 });
    expect(await statusOf(handshake('scim'))).toMatchObject({ status: 403 });
    expect(await statusOf(handshake('nobody'))).toMatchObject({ status: 401 });
    const elsewhere = handshake('editor', 'websocket', 'Connection: close\r\n').replace('/a/chat', '/b');
    expect(await statusOf(elsewhere)).toMatchObject({ status: 404 });
    expect(gateway.heads).toEqual([]);
  });

  it('needs no other role than that of its method where the protocol is not changed anyway', async () => {
    const { port, heads } = await chat({}, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const client = new RawClient(port, handshake('member', 'h2c')); // as Java's client offers with every request
    await until(() => expect(client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok$/));
    expect(heads[0]).not.toMatch(/upgrade/i);
    client.socket.destroy();
  });

  it('gets the upstream’s own answer when that refuses, however long, and the connection ends', async () => {
    const refusing = createServer();
    refusing.on('upgrade', (_request, socket) => {
      socket.end(`HTTP/1.1 426 Upgrade Required\r\nContent-Length: 3000000\r\n\r\n${'n'.repeat(3_000_000)}`);
    });
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    const { port: refusingPort } = refusing.address() as AddressInfo;
    const gateway = await started.inFrontOf([refusingPort]);
    const received = await new RawClient(gateway.port, `${handshake()}GET /a HTTP/1.1\r\nHost: a\r\n\r\n`).toEnd();
    expect(received).toMatch(
      /^HTTP\/1\.1 426 Upgrade Required\r\n[\s\S]*Connection: close\r\n[\s\S]*\r\n\r\nn{3000000}$/,
    );
    expect(gateway.standing.count).toBe(0);
    refusing.close();
  });

  it.each([
    ['another protocol', SWITCHED.replace('websocket', 'other'), 502],
    ['two protocols', SWITCHED.replace('websocket', 'websocket\r\nUpgrade: h2c'), 502],
    ['nonsense', 'HELLO\r\n\r\n', 502],
  ])('is 502 when the upstream changes to %s', async (_name, answer, status) => {
    const gateway = await chat({}, answer);
    expect(problemIn(await new RawClient(gateway.port, handshake()).toEnd())).toMatchObject({ status });
    await until(() => expect(gateway.sockets[0]?.destroyed).toBe(true));
  });

  it('is 504 when the upstream says nothing', async () => {
    const gateway = await chat({ upstreamLimits: { headersTimeoutMs: 100 } }, '');
    expect(problemIn(await new RawClient(gateway.port, handshake()).toEnd())).toMatchObject({ status: 504 });
  });

  it.each([
    ['HTTP/2, which would go past all that is decided per request', 'GET', 'h2c', ''],
    ['HTTP in TLS', 'GET', 'TLS/1.2', ''],
    ['one of several', 'GET', 'websocket, h2c', ''],
    ['a change after its body', 'POST', 'websocket', 'Content-Length: 5\r\n'],
    ['a change after its chunks', 'POST', 'websocket', 'Transfer-Encoding: chunked\r\n'],
  ])('that asks for %s is a request like any other', async (_name, method, protocol, framing) => {
    const { port } = await started.proxied(echo);
    const body = framing.includes('chunked') ? '5\r\nhello\r\n0\r\n\r\n' : framing && 'hello';
    const bytes = handshake('editor', protocol, framing).replace('GET', method) + body;
    const client = new RawClient(port, bytes);
    await until(() => expect(client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*"body":"(hello)?"/));
    expect(client.received.toLowerCase()).not.toContain('"upgrade"');
    client.socket.destroy();
  });

  it('waits for its turn behind another on the same connection', async () => {
    const { port } = await started.proxied(echo);
    const client = new RawClient(
      port,
      `GET /a/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n\r\n${handshake()}`,
    );
    await until(() => expect(client.received).toMatch(/"url":"\/a\/1"[\s\S]*"url":"\/a\/chat"/));
    client.socket.destroy();
  });

  it('on one of Portcullis’s own paths is a request like any other', async () => {
    const { port } = await started.gateway('routes: []');
    const answer = await send(port, '/readyz', { headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
    expect(answer.body).toBe('nest /readyz');
  });
});

describe('an upgraded connection', () => {
  it('is cut on both sides in the turn in which its token’s revocation is applied, and others go on', async () => {
    const gateway = await chat();
    gateway.gate.callers.set('other', { ...gateway.gate.callers.get('editor'), tokenId: 457 } as never);
    const client = await open(gateway);
    const other = await open(gateway, handshake('other'));
    gateway.gate.callers.delete('editor');
    const ledger = new ModelLedger();
    gateway.replica.applyChange(ledger.commit(token(456, 'revoked')));
    expect(gateway.standing.count).toBe(1); // at once: the number is acknowledged right after
    await until(() => expect(client.closed).toBe(true));
    await until(() => expect(gateway.sockets[0]?.destroyed).toBe(true));
    other.socket.write('still here');
    await until(() => expect(other.received).toBe('STILL HERE'));
  });

  it('is cut before its upstream has answered, too', async () => {
    const gateway = await chat({}, '');
    const client = new RawClient(gateway.port, handshake());
    await until(() => expect(gateway.heads).toHaveLength(1));
    gateway.gate.callers.delete('editor');
    gateway.replica.applyChange(new ModelLedger().commit(token(456, 'deleted')));
    await expectDead(gateway, client);
    expect(client.received).toBe('');
  });

  it('is known to be cut in the same turn: an upstream that answers then finds nobody', async () => {
    let [before, after] = [true, false];
    const server = createServer().on('upgrade', (request, socket, head) => {
      const response = new UpgradeResponse(request, socket as Socket, head, 10_000);
      before = response.destroyed;
      response.cut();
      after = response.destroyed;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await new RawClient((server.address() as AddressInfo).port, handshake()).toEnd();
    server.close();
    expect([before, after]).toEqual([false, true]);
  });

  it('is cut when its user’s role is no longer enough, and goes on after a change that leaves it', async () => {
    const gateway = await chat();
    const client = await open(gateway);
    const ledger = new ModelLedger();
    gateway.replica.applyChange(ledger.commit(principal(7, true, 'Admin')));
    client.socket.write('a');
    await until(() => expect(client.received).toBe('A'));
    gateway.gate.callers.set('editor', gateway.gate.callers.get('member') as never);
    gateway.replica.applyChange(ledger.commit(principal(7, true, 'Member')));
    await expectDead(gateway, client);
  });

  it('is cut when the lease is closed; and none begins without a lease', async () => {
    const gateway = await chat();
    const client = await open(gateway);
    gateway.lease.close();
    await expectDead(gateway, client);
    expect(problemIn(await new RawClient(gateway.port, handshake()).toEnd())).toMatchObject({
      code: 'access_view_stale',
    });
  });

  it('passes nothing on once its token has expired', async () => {
    const gateway = await chat();
    const caller = { ...(gateway.gate.callers.get('editor') as object), expiresAt: Math.ceil(Date.now() / 1000) + 1 };
    gateway.gate.callers.set('editor', caller as never);
    const client = await open(gateway);
    await expectDead(gateway, client);
    expect(Date.now()).toBeGreaterThanOrEqual(caller.expiresAt * 1000);
  });

  it('is cut when nothing passes for too long, when either side leaves, and when the gateway drains', async () => {
    const idle = await chat({ upstreamLimits: { upgradedIdleTimeoutMs: 100 } });
    await expectDead(idle, await open(idle));
    expect(idle.warnings).toEqual([]);
    const gateway = await chat();
    const leaving = await open(gateway);
    leaving.socket.destroy();
    await expectDead(gateway, leaving);
    const left = await open(gateway);
    gateway.sockets.at(-1)?.destroy();
    await expectDead(gateway, left);
    const drained = await open(gateway);
    gateway.dataPath.startDraining();
    await expectDead(gateway, drained);
  });

  it('is one of a bounded number, and its place is free again afterwards', async () => {
    const gateway = await chat({ upgradesMax: 1 });
    const first = await open(gateway);
    expect(problemIn(await new RawClient(gateway.port, handshake()).toEnd())).toMatchObject({
      code: 'too_many_upgrades',
    });
    first.socket.destroy();
    await until(() => expect(gateway.standing.count).toBe(0));
    (await open(gateway)).socket.destroy();
  });

  it('is one of a bounded number for each token, and others of the same user have theirs', async () => {
    const gateway = await chat({ upgradesPerTokenMax: 2 });
    gateway.gate.callers.set('other', { ...gateway.gate.callers.get('editor'), tokenId: 457 } as never);
    const first = await open(gateway);
    await open(gateway);
    const refused = await new RawClient(gateway.port, handshake()).toEnd();
    expect(refused).toMatch(/^HTTP\/1\.1 429 [\s\S]*Retry-After: \d+\r\n/);
    expect(problemIn(refused)).toMatchObject({ code: 'too_many_upgrades' });
    expect(gateway.dataPath.limited.upgrades_per_token).toBe(1);
    await open(gateway, handshake('other'));
    first.socket.destroy();
    await until(() => expect(gateway.standing.count).toBe(2));
    await open(gateway);
    expect(problemIn(await new RawClient(gateway.port, handshake()).toEnd())).toMatchObject({ status: 429 });
  });

  it('is held back when the other side takes its time', async () => {
    let written = 0;
    const upstream = await started.rawUpstream((socket) => {
      socket.once('data', () => {
        socket.write(SWITCHED);
        const piece = Buffer.alloc(65_536);
        const more = (): void => {
          while (written < 200 * 1_048_576 && socket.write(piece)) written += piece.length;
        };
        socket.on('drain', more);
        more();
      });
    });
    const gateway = await started.inFrontOf([upstream]);
    const client = new RawClient(gateway.port, handshake());
    await until(() => expect(client.received).toContain('101'));
    client.socket.pause();
    let before = -1;
    await vi.waitFor(
      () => {
        const stalled = written === before;
        before = written;
        expect(stalled).toBe(true);
      },
      { interval: 300, timeout: 20_000 },
    );
    expect(written).toBeLessThan(100 * 1_048_576);
    client.socket.destroy();
  });
});
