import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { INTERNAL_SECRET_HEADER } from '@portcullis/contracts';
import { InternalApiClient } from './internal-api.client.js';
import { ManualClock } from './testing/manual-clock.js';
import { key, ModelLedger, token } from './testing/model-ledger.js';
import { freePort } from './testing/nats-server.js';

const running: (Server | InternalApiClient)[] = [];
const never = new AbortController().signal;

afterEach(async () => {
  for (const each of running.splice(0)) {
    if (each instanceof InternalApiClient) await each.close();
    else each.closeAllConnections();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  running.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

function clientOf(origins: string[], clock = new ManualClock()): InternalApiClient {
  const client = new InternalApiClient(origins, 'the-secret', clock);
  running.push(client);
  return client;
}

const request = { epoch: 'epoch-1', applied_seq: 0 };

describe('InternalApiClient', () => {
  it('shows the secret and tells the lease and the number', async () => {
    const seen: unknown[] = [];
    const origin = await serve((req, res) => {
      seen.push(req.method, req.url, req.headers[INTERNAL_SECRET_HEADER]);
      req.on('data', (chunk) => seen.push(JSON.parse(String(chunk))));
      req.on('end', () => res.end(JSON.stringify(new ModelLedger().renew(request, 5))));
    });
    const renewal = await clientOf([origin]).renew('gw:1/x', request);
    expect(seen).toEqual(['POST', '/internal/access/leases/gw%3A1%2Fx', 'the-secret', request]);
    expect(renewal).toMatchObject({ lease_ms: 10_000, seq: 0, now: 5, entries: [] });
  });

  it('says when the request that was answered was sent, not one that was tried before', async () => {
    const clock = new ManualClock();
    const slow = await serve((_, res) => void clock.advance(1_000).then(() => res.writeHead(503).end()));
    const good = await serve((_, res) => {
      void clock.advance(500).then(() => res.end(JSON.stringify(new ModelLedger().renew(request, 5))));
    });
    const startMs = clock.monotonicMs();
    const renewal = await clientOf([slow, good], clock).renew('gw-1', request);
    expect(renewal?.sent.monotonicMs).toBe(startMs + 1_000);
    expect(clock.monotonicMs()).toBe(startMs + 1_500);
  });

  it('goes on to another token-service, and stays there', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    let asked = 0;
    const good = await serve((_, res) => {
      asked += 1;
      res.end(JSON.stringify({ lease_id: 'gw-1.1', lease_key: 'k' }));
    });
    const client = clientOf([dead, good]);
    await client.register({ instance: 'gw-1' });
    await client.register({ instance: 'gw-1' });
    expect(asked).toBe(2);
  });

  it('tries every address once in each call, also when several calls fail at the same time', async () => {
    const waiting: ServerResponse[] = [];
    const failing = await serve((_, res) => {
      waiting.push(res);
      if (waiting.length >= 2) for (const each of waiting) each.writeHead(503).end();
    });
    const good = await serve((_, res) => res.end(JSON.stringify({ lease_id: 'gw-1.1', lease_key: 'k' })));
    const client = clientOf([failing, good]);
    const both = [client.register({ instance: 'gw-1' }), client.register({ instance: 'gw-1' })];
    expect(await Promise.all(both)).toMatchObject([{ lease_id: 'gw-1.1' }, { lease_id: 'gw-1.1' }]);
    expect(waiting).toHaveLength(2);
  });

  it('renews while as many requests as may be are introspected, and none of those is answered', async () => {
    const origin = await serve((req, res) => {
      if (!req.url?.endsWith('/introspect')) res.end(JSON.stringify(new ModelLedger().renew(request, 5)));
    });
    const client = clientOf([origin]);
    const introspected = Array.from({ length: 64 }, () => client.introspect({ token_id: 1, user_id: 1 }));
    const settled = Promise.allSettled(introspected);
    expect(await client.renew('gw-1', request)).toMatchObject({ seq: 0 });
    await client.close();
    for (const { status } of await settled) expect(status).toBe('rejected');
  });

  it.each([404, 410])('takes %i as a lease that is gone', async (status) => {
    const origin = await serve((_, res) => res.writeHead(status).end('{}'));
    const client = clientOf([origin]);
    expect(await client.renew('gw-1', request)).toBeUndefined();
    await expect(client.release('gw-1')).resolves.toBeUndefined();
  });

  it.each([
    ['a refused secret', 401, '{}', 'answered 401'],
    ['an error', 500, '{}', 'answered 500'],
    ['no JSON', 200, '<html>', 'not JSON'],
    ['a lease without end', 200, '{"lease_ms":1e12,"epoch":"e","seq":0,"now":1,"entries":[]}', 'lease_ms'],
    [
      'an entry beyond the number',
      200,
      '{"lease_ms":9,"epoch":"e","seq":0,"now":1,"entries":[{"seq":1,"kind":"token","id":"1","value":"active"}]}',
      'range',
    ],
  ])('fails on %s', async (_, status, body, fault) => {
    const origin = await serve((_, res) => res.writeHead(status).end(body));
    await expect(clientOf([origin]).renew('gw-1', request)).rejects.toThrow(fault);
  });

  it('streams a snapshot, and refuses one whose connection broke', async () => {
    const ledger = new ModelLedger();
    ledger.commit(key('key-1', 'signing'), token(5, 'revoked'));
    let broken = true;
    const origin = await serve((_, res) => {
      const [header, ...rest] = ledger.snapshotLines();
      res.write(header);
      if (broken) setImmediate(() => res.destroy());
      else res.end(rest.join(''));
    });
    const client = clientOf([origin]);
    await expect(client.snapshot(never)).rejects.toThrow(origin);
    broken = false;
    const view = await client.snapshot(never);
    expect(view.appliedSeq).toBe(2);
    expect(view.tokenState(5)).toBe('revoked');
  });

  it('gives up on a token-service that says nothing', async () => {
    const origin = await serve(() => {});
    await expect(clientOf([origin]).renew('gw-1', request)).rejects.toThrow(origin);
  });
});
