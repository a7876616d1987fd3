import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import { OtlpReceiver, type ReceivedSpan } from './harness/otlp-receiver.ts';
import { RecordingUpstream } from './harness/recording-upstream.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let receiver: OtlpReceiver;
let upstream: RecordingUpstream;
beforeAll(async () => {
  [receiver, upstream] = await Promise.all([OtlpReceiver.start(), RecordingUpstream.start()]);
  const unreachable = 'http://127.0.0.1:9';
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  stack = await Stack.start({
    gateways: 2,
    routes: `routes:
  - prefix: /api/recorded
    upstreams: [${upstream.url}]
  - prefix: /api/failing-over
    upstreams: [${unreachable}, ${upstream.url}]\n`,
    tokenServiceEnv: { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    // The second one makes no traces, as is the default.
    gatewayEnv: (index) =>
      index === 0 ? { ...endpoint, OTEL_SERVICE_NAME: 'edge', PORTCULLIS_ACCESS_LOG: 'all' } : {},
  });
});
afterAll(async () => {
  await stack.stop();
  await Promise.all([receiver.stop(), upstream.stop()]);
});

/** A trace that a client has begun. */
function clientTrace() {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'vendor=opaque' } };
}

/** The spans of a trace, once there are so many. */
function spansOf(traceId: string, count: number): Promise<ReceivedSpan[]> {
  return waitUntil(`${count} spans of trace ${traceId}`, () => {
    const spans = receiver.trace(traceId);
    return spans.length >= count && spans;
  });
}

const named = (spans: readonly ReceivedSpan[], name: string, kind?: string): ReceivedSpan => {
  const found = spans.find((span) => span.name === name && (kind === undefined || span.kind === kind));
  expect(found, `${name} among ${spans.map((span) => span.name).join(', ')}`).toBeDefined();
  return found!;
};

describe('a trace', () => {
  it('goes on from the client through the gateway to the upstream', async () => {
    const { bearer_token: token, id } = await makeServiceToken(stack.admin);
    const { traceId, spanId, headers } = clientTrace();
    const answer = await stack.client(0, token).get('/api/recorded/things?password=hunter2', { headers });
    expect(answer.status).toBe(200);

    const spans = await spansOf(traceId, 2);
    const server = named(spans, 'GET /api/recorded');
    const client = named(spans, 'GET', 'client');
    expect(server).toMatchObject({ service: 'edge', kind: 'server', parentSpanId: spanId, failed: false });
    expect(server.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/api/recorded',
      'url.path': '/api/recorded/things',
      'http.response.status_code': 200,
      'client.address': '127.0.0.1',
      'portcullis.token.id': id,
      'portcullis.request.id': answer.headers.get('x-request-id'),
    });
    expect(client).toMatchObject({ service: 'edge', parentSpanId: server.spanId });
    expect(client.attributes).toMatchObject({
      'url.full': `${upstream.url}/api/recorded/things`,
      'server.address': '127.0.0.1',
      'http.response.status_code': 200,
    });
    const sent = upstream.headersOf('/api/recorded/things?password=hunter2')!;
    expect(sent['traceparent']).toBe(`00-${traceId}-${client.spanId}-01`);
    expect(sent['tracestate']).toBe('vendor=opaque');
  });

  it('of a revoke shows the gateway, the token-service, its transaction, the wait at the barrier and the event', async () => {
    const { id } = await makeServiceToken(stack.admin);
    const { traceId, spanId, headers } = clientTrace();
    const answer = await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true }, { headers });

    const spans = await spansOf(traceId, 6);
    const edge = named(spans, 'PUT /api/user-tokens');
    const hop = named(spans, 'PUT', 'client');
    const service = named(spans, 'PUT /api/user-tokens/:id');
    const transaction = named(spans, 'access change transaction');
    const barrier = named(spans, 'revocation barrier');
    expect([edge.parentSpanId, hop.parentSpanId, service.parentSpanId]).toEqual([spanId, edge.spanId, hop.spanId]);
    expect([transaction.parentSpanId, barrier.parentSpanId]).toEqual([service.spanId, service.spanId]);
    const sent = named(spans, 'send portcullis.outbox.token.revoked', 'producer');
    expect(sent).toMatchObject({ parentSpanId: transaction.spanId, failed: false });
    expect([edge.service, service.service]).toEqual(['edge', 'portcullis-token-service']);
    expect(barrier.attributes).toMatchObject({
      'portcullis.access.seq': answer.body.receipt.seq,
      'portcullis.gateways.confirmed': ['gw-1', 'gw-2'],
    });
    expect(service.attributes).toMatchObject({ 'http.response.status_code': 200, 'client.address': '127.0.0.1' });
  });

  it.each([
    ['is too short', '00-abc-def-01'],
    ['is all zeros', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`],
    ['has the forbidden version', `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`],
    ['holds something else', '<script>'],
  ])('begins anew where the client’s traceparent %s', async (_, traceparent) => {
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    const path = `/api/recorded/${randomBytes(4).toString('hex')}`;
    const headers = { traceparent, tracestate: 'vendor=opaque' };
    expect((await stack.client(0, token).get(path, { headers })).status).toBe(200);
    const sent = upstream.headersOf(path)!;
    const traceId = /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(sent['traceparent'] as string)![1]!;
    expect(sent['tracestate']).toBeUndefined();
    expect(named(await spansOf(traceId, 2), 'GET /api/recorded').parentSpanId).toBeUndefined();
  });

  it('that the client does not sample is handed on and not sent', async () => {
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    const { traceId, spanId } = clientTrace();
    const headers = { traceparent: `00-${traceId}-${spanId}-00` };
    await stack.client(0, token).get('/api/recorded/unsampled', { headers });
    expect(upstream.headersOf('/api/recorded/unsampled')!['traceparent']).toMatch(RegExp(`^00-${traceId}-.{16}-00$`));
    const later = clientTrace();
    await stack.client(0, token).get('/api/recorded/later', { headers: later.headers });
    await spansOf(later.traceId, 2);
    expect(receiver.trace(traceId)).toEqual([]);
  });

  it('tells of refusals, of failed answers, and of each upstream that was tried', async () => {
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    const [refused, failed, retried] = [clientTrace(), clientTrace(), clientTrace()];
    await stack.client(0).get('/api/recorded', { headers: refused.headers });
    await stack.client(0, token).get('/api/recorded/status/503', { headers: failed.headers });
    for (let i = 0; i < 2; i += 1) await stack.client(0, token).get('/api/failing-over', { headers: retried.headers });

    const [refusal] = await spansOf(refused.traceId, 1);
    expect(refusal).toMatchObject({ failed: false, attributes: { 'http.response.status_code': 401, 'portcullis.refusal': 'missing_token' } }); // prettier-ignore
    for (const span of await spansOf(failed.traceId, 2)) expect(span).toMatchObject({ failed: true, attributes: { 'error.type': '503' } }); // prettier-ignore
    const tries = (await spansOf(retried.traceId, 5)).filter((span) => span.kind === 'client');
    expect(tries.map(({ attributes }) => attributes['error.type']).toSorted()).toEqual([
      'ECONNREFUSED',
      undefined,
      undefined,
    ]);
  });

  it('is named in the access log, and the log and the spans hold no token and no query', async () => {
    const { bearer_token: token, id } = await makeServiceToken(stack.admin);
    const { traceId, headers } = clientTrace();
    await stack.client(0, token).get(`/api/recorded/a?access_token=${token}&password=hunter2`, { headers });
    await spansOf(traceId, 2);
    const lines = stack.gateways[0]!.log().trim().split('\n').map((line) => JSON.parse(line)); // prettier-ignore
    const line = lines.find(({ trace_id, context }) => trace_id === traceId && context === 'access');
    expect(line).toMatchObject({
      method: 'GET',
      route: '/api/recorded',
      status: 200,
      token_id: id,
      client_address: '127.0.0.1',
    });
    const everything = receiver.bodies.map((body) => body.toString('latin1')).join('') + stack.logs();
    for (const secret of [token, token.split('.')[2]!, stack.adminToken, 'hunter2'])
      expect(everything.includes(secret)).toBe(false);
  });

  it('comes in either form of OTLP over HTTP', () => {
    expect([...receiver.contentTypes].toSorted()).toEqual(['application/json', 'application/x-protobuf']);
  });
});

describe('without an endpoint', () => {
  it('a gateway makes no spans, and hands the client’s trace on as it is', async () => {
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    const { traceId, headers } = clientTrace();
    await stack.client(1, token).get('/api/recorded/untraced', { headers });
    expect(upstream.headersOf('/api/recorded/untraced')).toMatchObject(headers);
    await stack.client(1, token).get('/api/recorded/plain');
    expect(upstream.headersOf('/api/recorded/plain')!['traceparent']).toBeUndefined();
    expect(receiver.trace(traceId)).toEqual([]);
    expect(stack.gateways[1]!.log()).not.toContain('"context":"access"');
  });
});

describe('a receiver that hangs', () => {
  it('keeps no request waiting and no process from ending, and is logged once', async () => {
    const gateway = stack.gateways[0]!;
    await gateway.restart({ OTEL_EXPORTER_OTLP_TIMEOUT: '1000' });
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    const logBefore = gateway.log().length;
    receiver.hangs = true;
    const client = stack.client(0, token);
    const failures = (): number => gateway.log().slice(logBefore).split("Spans can't be sent").length - 1;
    await waitUntil('it says that spans can not be sent, after several tries', async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => client.get('/api/recorded/meanwhile')));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      return failures() === 1 && receiver.held >= 3;
    });
    expect(failures()).toBe(1);
    await gateway.process.stop();
    expect(gateway.process.exit).toEqual({ code: 0, signal: null });
  }, 180_000);

  it('that is not there at all does no harm either', async () => {
    const gateway = stack.gateways[0]!;
    const logBefore = gateway.log().length;
    await gateway.restart({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    await waitUntil('it says so', async () => {
      expect((await stack.client(0, token).get('/api/recorded/x')).status).toBe(200);
      return gateway.log().slice(logBefore).includes("Spans can't be sent");
    });
    await gateway.process.stop();
    expect(gateway.process.exit).toEqual({ code: 0, signal: null });
  }, 180_000);
});
