import { readFile } from 'node:fs/promises';
import type { RouteAccess } from '@portcullis/access-control';
import { describe, expect, it } from 'vitest';
import { walkRoutes } from './testing/declared-routes.js';

const PAGE = new URL('../../../docs/guides/roles-and-permissions.md', import.meta.url);

/** As the page calls it. */
function whoMay(access: RouteAccess): string {
  if (access.kind === 'role') return access.role;
  return { public: 'anyone', authenticated: 'Member', session: 'signed in', scim: '–', internal: '–' }[access.kind];
}

describe('docs/guides/roles-and-permissions.md', () => {
  it('lists every route with who may call it, and no other; those of SCIM all at once', async () => {
    const routes = (await walkRoutes()).filter(({ access }) => access?.kind !== 'internal');
    for (const { name, access } of routes) expect(access?.kind === 'scim', name).toBe(name.includes('/scim/v2'));
    const declared = routes
      .filter(({ access }) => access?.kind !== 'scim')
      .map(({ name, access }) => `${name}: ${whoMay(access!)}`);
    const rows = (await readFile(PAGE, 'utf8')).matchAll(/^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)` +\| (.+?) +\|/gm);
    const documented = [...rows].map(([, route, who]) => `${route}: ${who}`);
    expect(documented.toSorted()).toEqual([...new Set(declared)].toSorted());
  });
});
