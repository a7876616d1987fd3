import { type ProcessLog, openProcessLog } from '@portcullis/telemetry';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ModelLedger } from '../access-view/testing/model-ledger.js';
import { echo, RawClient, send, Started, type TestGateway } from '../proxy/testing/gateway-harness.js';
import { AccessLog } from './access-log.js';
import { RequestObserver } from './request-observer.js';

const started = new Started();
afterEach(() => started.stop());

type Line = Record<string, unknown>;

async function observedGateway(upstreams: string, options = {}): Promise<TestGateway & { lines: Line[] }> {
  const lines: Line[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  const log: ProcessLog = await openProcessLog({ level: 'info', fields: { app: 'test' }, destination });
  const observer = new RequestObserver(new AccessLog(log), 1, undefined);
  const gateway = await started.gateway(`routes: [{prefix: /a, upstreams: [${upstreams}]}]`, { ...options, observer });
  gateway.replica.install(new ModelLedger().replayedTo(0));
  return { ...gateway, lines };
}

/** The machine may be busy. */
const lastOf = (lines: Line[]): Promise<Line> =>
  vi.waitFor(() => lines.at(-1) ?? Promise.reject(new Error('no line yet')), { timeout: 20_000 });

describe('a line of the access log', () => {
  it('tells who was let in where, how it ended and how long it took', async () => {
    const { port, lines } = await observedGateway(`'http://127.0.0.1:${await started.upstream(echo)}'`);
    await send(port, '/a/x?token=hunter2', {
      token: 'editor',
      method: 'POST',
      body: '{}',
      headers: { 'X-Request-Id': 'r-1' },
    });
    expect(await lastOf(lines)).toMatchObject({
      method: 'POST',
      route: '/a',
      status: 200,
      duration_ms: expect.any(Number),
      token_id: 456,
      request_id: 'r-1',
      client_address: '127.0.0.1',
      msg: 'POST /a 200',
    });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(lines).toHaveLength(1);
  });

  it.each([
    ['without a token', '/a/x', {}, { status: 401, refusal: 'missing_token', route: '/a' }],
    ['to no route', '/b', { token: 'editor' }, { status: 404, refusal: 'not_found', route: '' }],
    [
      'whose target is refused',
      '/a/%zz',
      { token: 'editor' },
      { status: 400, refusal: 'invalid_request_target', route: '' },
    ],
    [
      'with headers that are not in order',
      '/a',
      { headers: { Host: 'a b' } },
      { status: 400, refusal: 'invalid_request', route: '/a' },
    ],
    [
      'to an upstream that is away',
      '/a/x',
      { token: 'editor' },
      { status: 502, refusal: 'upstream_unreachable', token_id: 456 },
    ],
  ])('names why a request %s was refused', async (_, path, sent, line) => {
    const { port, lines } = await observedGateway("'http://127.0.0.1:9'");
    const { headers } = await send(port, path, sent);
    expect(await lastOf(lines)).toMatchObject({ ...line, request_id: headers['x-request-id'] });
    expect(lines).toHaveLength(1);
  });

  it('says that a client left before the end', async () => {
    const upstream = await started.upstream((_request, response) => void response.write('the beginning'));
    const { port, lines } = await observedGateway(`'http://127.0.0.1:${upstream}'`);
    const client = new RawClient(port, 'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n\r\n');
    await vi.waitFor(() => expect(client.received).toContain('the beginning'), { timeout: 20_000 });
    client.socket.destroy();
    expect(await lastOf(lines)).toMatchObject({ status: 200, aborted: true });
  });

  it('of a WebSocket is written when it is let through, and not again', async () => {
    const upstream = await started.rawUpstream((socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
      );
    });
    const { port, lines } = await observedGateway(`'http://127.0.0.1:${upstream}'`);
    const handshake =
      'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const client = new RawClient(port, handshake);
    expect(await lastOf(lines)).toMatchObject({ status: 101, token_id: 456 });
    client.socket.destroy();
    await vi.waitFor(() => expect(client.closed).toBe(true), { timeout: 20_000 });
    expect(lines).toHaveLength(1);
  });

  it('is written for what another proxy asks at /verify, and for nothing that the gateway serves itself', async () => {
    const { port, lines } = await observedGateway("'http://127.0.0.1:9'", { forwardAuth: 'nginx' });
    await send(port, '/livez');
    await send(port, '/verify', { token: 'editor', headers: { 'X-Original-Method': 'GET', 'X-Original-URI': '/a' } });
    expect(await lastOf(lines)).toMatchObject({ route: '/verify', status: 200, token_id: 456 });
    await send(port, '/verify', { headers: { 'X-Original-Method': 'GET', 'X-Original-URI': '/a' } });
    await vi.waitFor(() => expect(lines).toHaveLength(2), { timeout: 20_000 });
    expect(lines[1]).toMatchObject({ route: '/verify', status: 401, refusal: 'missing_token' });
  });
});
