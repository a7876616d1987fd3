import { describe, expect, it } from 'vitest';
import { walkRoutes } from './testing/declared-routes.js';

describe('every route of the token-service', () => {
  it('declares who may call it', async () => {
    const routes = await walkRoutes();
    expect(routes.length).toBeGreaterThan(20);
    expect(routes.filter((route) => !route.access).map((route) => route.name)).toEqual([]);
  });

  it('needs a credential, but for those listed here', async () => {
    const open = (await walkRoutes()).filter((route) => route.access?.kind === 'public').map((route) => route.name);
    expect(open.toSorted()).toEqual([
      'DELETE /api/session',
      'GET /.well-known/jwks.json',
      'GET /api/docs',
      'GET /api/docs/:file',
      'GET /api/openapi.json',
      'GET /livez',
      'GET /readyz',
      'POST /api/cli/token',
      'POST /api/session',
    ]);
  });

  it('is internal exactly when it is under /internal', async () => {
    for (const { name, access } of await walkRoutes()) {
      expect(access?.kind === 'internal', name).toBe(/ \/internal\//.test(name));
    }
  });
});
