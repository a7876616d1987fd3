import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { connect as connectNats } from '@nats-io/transport-node';
import { INTERNAL_SECRET_HEADER } from '@portcullis/contracts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComposedStack, START_TIMEOUT_MS } from './harness/composed-stack.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { trySignIn } from './harness/session-client.ts';
import { waitUntil } from './harness/wait-until.ts';

/** A TLS 1.3 client has sent its request by the time that its certificate is refused: it may hear an alert, or just the end. */
const CUT_OFF = /certificate required|unknown ca|socket hang up|ECONNRESET|EPIPE/i;

let stack: ComposedStack;
let upstream: Server;
let heard: IncomingHttpHeaders;
beforeAll(async () => {
  upstream = createServer((request, response) => {
    heard = request.headers;
    response.end('heard');
  });
  upstream.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined).resume();
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  stack = await ComposedStack.start(
    `routes: [{ prefix: /echo, upstreams: ['http://127.0.0.1:${port}'] }, { prefix: /api/datastores, upstreams: ['http://datastores-api:4001'] }]`,
  );
}, START_TIMEOUT_MS);
afterAll(async () => {
  await stack?.stop();
  upstream?.closeAllConnections();
  upstream?.close();
});

const admin = (): HttpClient => stack.client('gateway-1', stack.adminToken);

/** The certificate that is served on a port now. */
async function served(port: number): Promise<string> {
  const socket = connectTls({ port, host: 'localhost', servername: 'localhost' });
  try {
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    return socket.getPeerX509Certificate()!.fingerprint256;
  } finally {
    socket.destroy();
  }
}

interface ClientCertificate {
  cert?: string;
  key?: string;
}

async function certificateOf(folder: string): Promise<ClientCertificate> {
  const [cert, key] = await Promise.all(['tls.crt', 'tls.key'].map((name) => readFile(join(folder, name), 'utf8')));
  return { cert: cert!, key: key! };
}

/** Asks the internal API for the keys, with the secret. @returns the status */
async function askInternally(certificate: ClientCertificate): Promise<number> {
  const headers = { [INTERNAL_SECRET_HEADER]: await stack.secret('internal_secret') };
  const port = stack.port('token-service-1:3002');
  return new Promise((resolve, reject) => {
    const options = { host: 'localhost', port, path: '/internal/keys', headers, agent: false as const, ...certificate };
    request(options, (response) => resolve(response.resume().statusCode!))
      .on('error', reject)
      .end();
  });
}

describe('what docker-compose.yml describes', () => {
  it('gives, admits and revokes a token at every gateway over TLS alone', async () => {
    const { id, bearer_token: token } = await makeServiceToken(admin());
    for (const gateway of ['gateway-1', 'gateway-2'] as const) {
      expect((await stack.client(gateway, token).get('/api/datastores')).status).toBe(200);
    }
    const revoked = await admin().put(`/api/user-tokens/${id}`, { revoke: true });
    expect(revoked.status).toBe(200);
    expect(revoked.body.receipt.confirmed.toSorted()).toEqual(['gateway-1', 'gateway-2']);
    expect((await stack.client('gateway-2', token).get('/api/datastores')).status).toBe(401);
  });

  it('tells upstreams that the client came over https', async () => {
    const { bearer_token: token } = await makeServiceToken(admin());
    await stack.client('gateway-1', token).get('/echo');
    expect(heard).toMatchObject({ 'x-forwarded-proto': 'https' });
    expect(heard['x-forwarded-host']).toBe(`localhost:${stack.port('gateway-1:8443')}`);
  });

  it('signs people in with a cookie that never goes over plain HTTP', async () => {
    const signedIn = await trySignIn(stack.client('gateway-1'), 'admin', stack.adminPassword);
    expect(signedIn.status).toBe(200);
    expect(signedIn.headers.getSetCookie().join()).toMatch(/^__Host-[^;]+;.*Secure/);
  });

  it('ends an upgraded connection over TLS when its token is revoked', async () => {
    const { id, bearer_token: token } = await makeServiceToken(admin());
    const port = stack.port('gateway-2:8443');
    const headers = { Authorization: `Bearer ${token}`, Connection: 'Upgrade', Upgrade: 'echo' };
    const socket = await new Promise<import('node:stream').Duplex>((resolve, reject) => {
      request({ host: 'localhost', port, path: '/echo', headers, agent: false })
        .on('upgrade', (_response, upgraded) => resolve(upgraded))
        .on('response', ({ statusCode }) => reject(new Error(`answered ${statusCode}`)))
        .on('error', reject)
        .end();
    });
    const closed = new Promise((resolve) =>
      socket
        .on('error', () => undefined)
        .on('close', resolve)
        .resume(),
    );
    expect((await admin().put(`/api/user-tokens/${id}`, { revoke: true })).status).toBe(200);
    await closed;
  });

  it('says nothing to a client without TLS', async () => {
    const socket = connectTcp(stack.port('gateway-1:8443'), '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined).write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answer).not.toContain('HTTP/1.1');
  });
});

describe('the internal API', () => {
  it('answers a gateway, by its certificate and its secret', async () => {
    expect(await askInternally(await certificateOf(stack.certificates('gateway-client')))).toBe(200);
  });

  it('takes no connection without a certificate, or with one of another authority', async () => {
    await expect(askInternally({})).rejects.toThrow(CUT_OFF);
    const stranger = await certificateOf(join(await stack.strangersCertificates(), 'gateway-client'));
    await expect(askInternally(stranger)).rejects.toThrow(CUT_OFF);
  });
});

describe('a gateway', () => {
  it('takes nobody for a token-service who has no certificate of the authority', async () => {
    const authority = join(await stack.strangersCertificates(), 'ca.crt');
    await stack.stopApp('gateway-2');
    const before = stack.log('gateway-2').length;
    await stack.startApp('gateway-2', { PORTCULLIS_TOKEN_SERVICE_CA_FILE: authority });
    const said = (): string => stack.log('gateway-2').slice(before);
    await waitUntil('it says why it has no lease', () => /certificate/.test(said()));
    await waitUntil('it listens', () => said().includes('listens on https://'));
    expect((await stack.client('gateway-2').get('/readyz')).status).toBe(503);
    await stack.stopApp('gateway-2');
    await stack.startApp('gateway-2');
    await waitUntil('it is ready', () => stack.client('gateway-2').get('/readyz').then(({ status }) => status === 200, () => false)); // prettier-ignore
  });

  it('does not start with a key that is of another certificate, and says so in one line', async () => {
    const key = join(stack.certificates('nats'), 'tls.key');
    await stack.stopApp('gateway-2');
    const before = stack.log('gateway-2').length;
    const app = await stack.startApp('gateway-2', { PORTCULLIS_TLS_KEY_FILE: key });
    expect(await app.exited).toMatchObject({ code: 1 });
    expect(stack.log('gateway-2').slice(before)).toMatch(
      /(^|\n)[^\n]*tls\.key can't be used: [^\n]*key values mismatch"}\n$/,
    );
    await stack.startApp('gateway-2');
  });
});

async function strangers(): Promise<object> {
  return { sslrootcert: join(await stack.strangersCertificates(), 'ca.crt') };
}

describe('Postgres', () => {
  it('is spoken to over TLS alone, by every session', async () => {
    const url = new URL(await stack.secret('database_url'));
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const { rows } = await client.query(
      'SELECT DISTINCT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = current_user',
    );
    await client.end();
    expect(rows).toEqual([{ ssl: true, version: 'TLSv1.3' }]);
  });

  it.each([
    ['without TLS', () => ({ sslmode: 'disable' }), /no pg_hba.conf entry/],
    ['that another authority vouches for', strangers, /certificate/],
    ['under a name that it has no certificate for', () => ({ host: '127.1' }), /does not match certificate's altnames/],
  ] as [string, () => object | Promise<object>, RegExp][])('is not taken %s', async (_how, changes, refusal) => {
    const url = new URL(await stack.secret('database_url'));
    for (const [name, value] of Object.entries(await changes())) url.searchParams.set(name, value as string);
    const client = new pg.Client({ connectionString: url.href });
    client.on('error', () => undefined);
    await expect(client.connect()).rejects.toThrow(refusal);
  });
});

describe('NATS', () => {
  it('takes no client that speaks without TLS, and no client takes it without the authority', async () => {
    const servers = `localhost:${stack.port('nats-1:4222')}`;
    const [user, pass] = ['subscriber', new URL((await stack.secret('subscriber_nats_url')).split(',')[0]!).password];
    const ca = join(await stack.strangersCertificates(), 'ca.crt');
    await expect(connectNats({ servers, user, pass, reconnect: false, tls: null })).rejects.toThrow(/tls/i);
    await expect(connectNats({ servers, user, pass, reconnect: false, tls: { caFile: ca } })).rejects.toThrow(
      /certificate/,
    );
  });
});

describe('a renewed certificate', () => {
  it('is served by gateways and token-services that run on, and shown by gateways', async () => {
    const ports = ['gateway-1:8443', 'token-service-1:3001'].map((address) => stack.port(address));
    const before = await Promise.all(ports.map(served));
    await stack.renewCertificates();
    const renewed = await Promise.all(
      ['gateway', 'token-service'].map(async (part) => {
        const { cert } = await certificateOf(stack.certificates(part));
        return new X509Certificate(cert!).fingerprint256;
      }),
    );
    expect(renewed).not.toEqual(before);
    await waitUntil('the renewed ones are served', async () => {
      const now = await Promise.all(ports.map(served));
      return now.every((fingerprint, i) => fingerprint === renewed[i]);
    });
    await waitUntil('gateways have taken theirs over', () =>
      /took over \S*gateway-client/.test(stack.log('gateway-1')),
    );
    expect(await askInternally(await certificateOf(stack.certificates('gateway-client')))).toBe(200);
    const { id } = await makeServiceToken(admin());
    const revoked = await admin().put(`/api/user-tokens/${id}`, { revoke: true });
    expect(revoked.body.receipt.confirmed).toContain('gateway-1');
  });
});
