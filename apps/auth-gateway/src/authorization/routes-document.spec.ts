import { describe, expect, it } from 'vitest';
import { parseRoutes } from './routes-document.js';

const faultsOf = (text: string): readonly string[] => parseRoutes(text, 'routes.yaml').faults;
const route = (extra: string): string =>
  `routes:\n  - prefix: /api/x\n    upstreams: [http://127.0.0.1:1]\n    ${extra}\n`;

describe('parseRoutes', () => {
  it('reads a route with all of its fields', () => {
    const { routes } = parseRoutes(
      route(
        [
          'roles: { read: Editor, DELETE: Admin }',
          'forward_authorization: true',
          'encoded_slash: pass',
          'path_parameters: pass',
          'cors: { origins: [https://app.example.com] }',
          'limits: { per_token: 100/s, per_user: 6000/min burst 500 }',
        ].join('\n    '),
      ),
      'routes.yaml',
    );
    expect(routes).toMatchObject([
      { prefix: '/api/x', upstreams: ['http://127.0.0.1:1'], forwardAuthorization: true, passesEncodedSlash: true },
    ]);
    expect(routes?.[0]).toMatchObject({
      passesParameters: true,
      limits: {
        perToken: { count: 100, windowSeconds: 1, burst: 100 },
        perUser: { count: 6_000, windowSeconds: 60, burst: 500 },
      },
      cors: { origins: new Set(['https://app.example.com']) },
    });
    expect(['GET', 'POST', 'DELETE'].map((m) => routes?.[0]?.roles.roleFor(m, false))).toEqual([
      'Editor',
      'Editor',
      'Admin',
    ]);
  });

  it('refuses by default what a route does not pass on', () => {
    expect(parseRoutes(route('{}').replace('    {}\n', ''), 'r').routes).toMatchObject([
      {
        forwardAuthorization: false,
        passesEncodedSlash: false,
        passesParameters: false,
        cors: undefined,
        limits: undefined,
      },
    ]);
  });

  it('takes a list without routes, and a prefix that is merely broader than an own path', () => {
    expect(parseRoutes('routes: []', 'r')).toEqual({ routes: [], faults: [] });
    for (const prefix of ['/', '/api', '/api/', '/api/users-export']) {
      expect(faultsOf(`routes: [{prefix: ${prefix}, upstreams: ['http://a']}]`)).toEqual([]);
    }
  });

  it.each([
    ['/api/users'],
    ['/api/users/me'],
    ['/api/session'],
    ['/api/cli'],
    ['/api/docs/x'],
    ['/cli'],
    ['/cli/authorize'],
    ['/settings'],
    ['/assets/x'],
    ['/favicon.svg'],
    ['/scim'],
    ['/scim/v2/Users'],
    ['/api/scim/v2'],
    ['/.well-known'],
    ['/.well-known/other'],
    ['/livez'],
    ['/readyz'],
    ['/api/status'],
    ['/metrics'],
    ['/internal'],
    ['/verify'],
  ])('refuses a route that shadows an own path: %s', (prefix) => {
    expect(faultsOf(`routes:\n- prefix: ${prefix}\n  upstreams: [http://a]`)).toEqual([
      expect.stringMatching(/^routes\.yaml:2: routes\[0\]\.prefix: .*shadows Portcullis's own path/),
    ]);
  });

  it.each([
    ['', 'routes.yaml:1: the file: must be a mapping'],
    ['[]', 'routes.yaml:1: the file: must be a mapping'],
    ['other: 1', 'routes.yaml:1: other: is not known here'],
    ['routes: 5', 'routes.yaml:1: routes: must be a list'],
    ['routes:\n  - 5', 'routes.yaml:2: routes[0]: must be a mapping'],
    ['routes: [{upstreams: [http://a]}]', 'routes[0].prefix: must be a path'],
    ['routes: [{prefix: /a}]', 'routes[0].upstreams: must be a list of 1 to 16'],
    [route('upstream: x'), 'routes.yaml:4: routes[0].upstream: is not known here'],
    [route('roles: { read: member }'), 'routes.yaml:4: routes[0].roles.read: must be one of Member'],
    [route('roles: { get: Member }'), 'routes.yaml:4: routes[0].roles.get: must be read, write or a method'],
    [route('roles: Member'), 'routes[0].roles: must be a mapping'],
    [route('encoded_slash: yes'), 'routes[0].encoded_slash: must be refuse or pass'],
    [route('forward_authorization: "true"'), 'routes[0].forward_authorization: must be true or false'],
    [route('cors: {}'), 'routes[0].cors.origins: must be a list'],
    [route('cors: { origins: [https://a.example/] }'), 'routes[0].cors.origins[0]: must be an origin'],
    [route('cors: { origins: ["*"] }'), 'routes[0].cors.origins[0]: must be an origin'],
    [route('limits: 100/s'), 'routes.yaml:4: routes[0].limits: must be a mapping'],
    [route('limits: { per_ip: 100/s }'), 'routes.yaml:4: routes[0].limits.per_ip: is not known here'],
    [route('limits: { per_token: 100 }'), 'routes.yaml:4: routes[0].limits.per_token: must be a rate such as 100/s'],
    [route('limits: { per_user: 0/s }'), 'routes.yaml:4: routes[0].limits.per_user: must be a rate such as 100/s'],
    ['routes: [{prefix: /a/../b, upstreams: [http://a]}]', 'routes[0].prefix: must be a normalised path'],
    ['routes: [{prefix: /a%2fb, upstreams: [http://a]}]', 'routes[0].prefix: must be a normalised path'],
    ['routes: [{prefix: /a?b, upstreams: [http://a]}]', 'routes[0].prefix: must be a normalised path'],
    [
      'routes: [{prefix: /a, upstreams: [http://a/b]}]',
      'routes[0].upstreams[0]: must be an http:// or https:// address',
    ],
    ['routes: [{prefix: /a, upstreams: [ftp://a]}]', 'routes[0].upstreams[0]: must be an http:// or https:// address'],
    [
      'routes: [{prefix: /a, upstreams: [http://u:p@a]}]',
      'routes[0].upstreams[0]: must be an http:// or https:// address',
    ],
    ['routes: [{prefix: /a, prefix: /b}]', 'routes.yaml:1: Map keys must be unique'],
    ['routes: [', 'routes.yaml:1: '],
  ])('names line and field: %j is refused with %j', (text, fault) => {
    expect(faultsOf(text).join('\n')).toContain(fault);
  });

  it('refuses the same prefix twice', () => {
    const text = 'routes:\n- {prefix: /a, upstreams: [http://a]}\n- {prefix: /a/, upstreams: [http://b]}';
    expect(faultsOf(text)).toEqual(['routes.yaml:3: routes[1].prefix: /a is given twice, first in routes[0]']);
  });

  it('lists everything that is wrong at once', () => {
    expect(faultsOf('routes:\n- {prefix: x, upstreams: []}\n- {prefix: /internal, upstreams: [y]}')).toHaveLength(4);
  });
});
