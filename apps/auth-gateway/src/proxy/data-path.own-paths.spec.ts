import { createHmac } from 'node:crypto';
import { FORWARDED_BY_HEADER, forwardedByPayload } from '@portcullis/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { deadPort, echo, echoed, send, Started, type TestGateway } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

describe('a path that two routes could claim', () => {
  it('is refused when an encoded slash or a parameter would lead to another route', async () => {
    const upstream = await started.upstream(echo);
    const loose = `upstreams: ['http://127.0.0.1:${upstream}'], encoded_slash: pass, path_parameters: pass`;
    const { port } = await started.gateway(
      `routes: [{prefix: /api, ${loose}}, {prefix: /api/secret, ${loose}, roles: {read: Admin}}]`,
    );
    const status = async (path: string): Promise<number> => (await send(port, path, { token: 'member' })).status;
    expect(await status('/api/open%2Fsecret;x')).toBe(200);
    expect(await status('/api/secret')).toBe(403);
    for (const path of [
      '/api%2Fsecret',
      '/api/secret%2F',
      '/api/secret;x',
      '/api/secret%3Bx',
      '/api/%2Fsecret',
      '/api;x/secret',
    ]) {
      expect([path, await status(path)]).toEqual([path, 400]);
    }
    for (const path of ['/api%2Fusers', '/api/users%2F1', '/api/users;x', '/livez;x', '/internal%2Fkeys']) {
      expect([path, await status(path)]).toEqual([path, 400]);
    }
  });
});

describe("Portcullis's own paths", () => {
  const OPTIONS = { instance: 'gw-9', internalSecret: 'k'.repeat(40) };

  async function withTokenService(): Promise<TestGateway> {
    const tokenService = await started.upstream((request, response) => {
      response.setHeader('Portcullis-Receipt', '{}').setHeader('Set-Cookie', 'portcullis_session=1');
      echo(request, response);
    });
    const route = await started.upstream((_request, response) => response.end('a guarded upstream'));
    const urls = { tokenServiceUrls: [`http://127.0.0.1:${tokenService}`] };
    return started.gateway(`routes: [{prefix: /, upstreams: ['http://127.0.0.1:${route}']}]`, { ...OPTIONS, ...urls });
  }

  it('go to Nest where the gateway itself serves them, and only there', async () => {
    const { port } = await withTokenService();
    for (const path of [
      '/livez',
      '/readyz',
      '/api/status',
      '/',
      '/settings/tokens/7',
      '/cli/authorize',
      '/assets/a.js',
    ]) {
      expect((await send(port, `${path}?verbose`)).body).toBe(`nest ${path}?verbose`);
    }
    expect((await send(port, '/%6Civez')).body).toBe('nest /livez');
    expect((await send(port, '/livez/x')).status).toBe(404);
  });

  it('go to the token-service without a token where they are public', async () => {
    const { port, usage } = await withTokenService();
    for (const path of ['/.well-known/jwks.json', '/api/openapi.json', '/api/docs', '/api/docs/a.css']) {
      const { headers, url } = echoed(await send(port, path, { token: 'nonsense' }));
      expect(url).toBe(path);
      expect(headers).not.toHaveProperty('authorization');
    }
    expect(usage).toEqual([]);
  });

  it.each(['/api/users/me', '/api/teams', '/api/user-tokens/1', '/api/gateways', '/api/access/7', '/api/audit'])(
    'need a token otherwise, which goes along with the gateway’s word for the request: %s',
    async (path) => {
      const { port, usage } = await withTokenService();
      expect((await send(port, path)).status).toBe(401);
      expect((await send(port, path, { token: 'scim' })).status).toBe(403);
      const answer = await send(port, path, {
        token: 'member',
        method: 'DELETE',
        headers: { [FORWARDED_BY_HEADER]: 'forged', Portcullis_Internal_Secret: 'x', 'X-Forwarded-For': '6.6.6.6' },
      });
      const { headers } = echoed(answer);
      const payload = forwardedByPayload('gw-9', headers['x-request-id'] as string, '127.0.0.1', 'DELETE', path);
      const mac = createHmac('sha256', OPTIONS.internalSecret).update(payload).digest('base64url');
      expect(headers).toMatchObject({ authorization: 'Bearer member', 'x-forwarded-for': '127.0.0.1' });
      expect(headers[FORWARDED_BY_HEADER]).toBe(`gw-9;${mac}`);
      expect(headers).not.toHaveProperty('portcullis_internal_secret');
      expect(headers).not.toHaveProperty('x-auth-role');
      expect(answer.headers).toMatchObject({ 'portcullis-receipt': '{}', 'set-cookie': ['portcullis_session=1'] });
      expect(usage).toHaveLength(1);
    },
  );

  describe('and a session', () => {
    const COOKIE = 'a=b; portcullis_session=x';

    it.each(['portcullis_session=x', '__Host-portcullis_session=x', COOKIE])(
      'goes to the token-service, which asks whether it holds: %s',
      async (cookie) => {
        const { port, usage } = await withTokenService();
        for (const path of ['/api/users/me', '/api/user-tokens', '/api/events', '/api/gateways']) {
          const { headers } = echoed(await send(port, path, { headers: { Cookie: cookie } }));
          expect(headers).toMatchObject({ cookie, [FORWARDED_BY_HEADER]: expect.stringMatching(/^gw-9;/) });
        }
        expect(usage).toEqual([]);
      },
    );

    it('is the only thing that signing in and approving programs go by', async () => {
      const { port } = await withTokenService();
      for (const path of ['/api/session', '/api/cli/authorize', '/api/cli/token']) {
        const { headers } = echoed(await send(port, path, { token: 'admin', headers: { Cookie: COOKIE } }));
        expect(headers).toMatchObject({ cookie: COOKIE });
        expect(headers).not.toHaveProperty('authorization');
        expect((await send(port, path)).status).toBe(200);
      }
    });

    it('is nothing beside a token, which must be good', async () => {
      const { port } = await withTokenService();
      const headers = { Cookie: COOKIE };
      expect((await send(port, '/api/users/me', { token: 'nonsense', headers })).status).toBe(401);
      expect((await send(port, '/api/users/me', { token: 'scim', headers })).status).toBe(403);
      expect(echoed(await send(port, '/api/users/me', { token: 'member', headers })).headers).toHaveProperty(
        'authorization',
      );
    });

    it('opens no SCIM and no guarded API, and goes along to neither', async () => {
      const { port } = await withTokenService();
      for (const path of ['/scim/v2/Users', '/api/scim/v2/Users', '/anything', '/api/usersx']) {
        expect((await send(port, path, { headers: { Cookie: COOKIE } })).status).toBe(401);
      }
      const scim = echoed(await send(port, '/scim/v2/Users', { token: 'scim', headers: { Cookie: COOKIE } }));
      expect(scim.headers['cookie']).toBe('a=b');
    });

    it.each(['xportcullis_session=x', 'portcullis_sessions=x', 'a=portcullis_session=x', 'portcullis_session'])(
      'is no other cookie: %s',
      async (cookie) => {
        const { port } = await withTokenService();
        expect((await send(port, '/api/users/me', { headers: { Cookie: cookie } })).status).toBe(401);
      },
    );
  });

  it('open SCIM to SCIM tokens and to Admins', async () => {
    const { port } = await withTokenService();
    for (const path of ['/scim/v2/Users', '/api/scim/v2/Users']) {
      expect((await send(port, path, { token: 'scim' })).status).toBe(200);
      expect((await send(port, path, { token: 'admin' })).status).toBe(200);
      expect((await send(port, path, { token: 'editor' })).status).toBe(403);
    }
  });

  it.each(['/internal', '/internal/keys', '/metrics', '/verify', '/cli', '/scim/v1', '/.well-known/other'])(
    'never reach an upstream of a broader route: %s',
    async (path) => {
      const { port } = await withTokenService();
      expect((await send(port, path, { token: 'admin' })).status).toBe(404);
      expect((await send(port, '/anything', { token: 'admin' })).body).toBe('a guarded upstream');
    },
  );

  it('are served by another token-service when one cannot be reached', async () => {
    const tokenService = await started.upstream(echo);
    const tokenServiceUrls = [`http://127.0.0.1:${await deadPort()}`, `http://127.0.0.1:${tokenService}`];
    const { port } = await started.gateway('routes: []', { tokenServiceUrls });
    const statuses = [1, 2, 3, 4].map(
      async () => (await send(port, '/api/users', { method: 'POST', token: 'admin', body: 'x' })).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 200, 200, 200]);
  });
});
