/**
 * Portcullis's own paths. They come before the routes file, and a route at or below one of them stops the start.
 *
 * `gateway`: the gateway itself, its console or its Nest app. `public`: the token-service, without a token. `guarded`: the
 * token-service, with a token or a session. `token`: the token-service, with a token alone. `session`: the token-service, which
 * sees to it who is signed in.
 * `nothing`: reserved; 404.
 */
export interface OwnPath {
  readonly prefix: string;
  readonly servedBy: 'gateway' | 'public' | 'guarded' | 'token' | 'session' | 'nothing';
  /** Nothing is below it. */
  readonly exact: boolean;
}

const paths = (servedBy: OwnPath['servedBy'], exact: boolean, prefixes: readonly string[]): OwnPath[] =>
  prefixes.map((prefix) => ({ prefix, servedBy, exact }));

/** Where the console is, besides `/` itself. At a `page` and below it the page decides what to show; the others are files. */
export const CONSOLE_PATHS: readonly { readonly prefix: string; readonly page: boolean }[] = [
  { prefix: '/settings', page: true },
  { prefix: '/cli/authorize', page: true },
  { prefix: '/assets', page: false },
  { prefix: '/favicon.svg', page: false },
];

/** The console's front page. It is no prefix: a route at `/` covers everything else and shadows nothing. */
export const ROOT_PATH: OwnPath = { prefix: '/', servedBy: 'gateway', exact: true };

export const OWN_PATHS: readonly OwnPath[] = [
  ...CONSOLE_PATHS.map(({ prefix }): OwnPath => ({ prefix, servedBy: 'gateway', exact: prefix.includes('.') })),
  ...paths('gateway', true, ['/livez', '/readyz', '/api/status']),
  ...paths('public', true, ['/.well-known/jwks.json', '/api/openapi.json']),
  ...paths('public', false, ['/api/docs']),
  ...paths('guarded', false, [
    '/api/users',
    '/api/teams',
    '/api/user-tokens',
    '/api/gateways',
    '/api/access',
    '/api/audit',
    '/api/keys',
    '/api/events',
  ]),
  ...paths('session', false, ['/api/session', '/api/cli']),
  ...paths('token', false, ['/scim/v2', '/api/scim/v2']),
  ...paths('nothing', false, ['/cli', '/scim', '/api/scim', '/.well-known']),
  ...paths('nothing', false, ['/metrics', '/internal', '/verify']),
];

/** The own path that a route with this prefix would shadow, if any. A route that is merely broader shadows nothing. */
export function shadowedOwnPath(prefix: string): OwnPath | undefined {
  return OWN_PATHS.find((own) => prefix === own.prefix || prefix.startsWith(`${own.prefix}/`));
}
