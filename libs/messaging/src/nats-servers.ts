import type { ConnectionOptions } from '@nats-io/transport-node';

/**
 * Turns NATS URLs into connection options. The client library takes host and port only, so the credentials are taken
 * out of the URL: `user:password@`, or `token@`. Those of the first URL that has any count for all.
 *
 * @param servers URLs (`nats://`, `tls://`) or `host:port`, as a list or separated by commas.
 * @throws TypeError on a URL that can't be parsed; the message doesn't repeat it, since it may hold a password.
 */
export function natsServerOptions(servers: string[] | string): ConnectionOptions {
  const list = (typeof servers === 'string' ? servers.split(',') : servers).map((server) => server.trim());
  const urls = list.filter(Boolean).map(parseServer);
  if (urls.length === 0) throw new TypeError('No NATS server is given');
  const withCredentials = urls.find((url) => url.username !== '');
  return {
    servers: urls.map((url) => url.host),
    ...(withCredentials ? credentials(withCredentials) : {}),
    ...(urls.some((url) => url.protocol === 'tls:') ? { tls: {} } : {}),
  };
}

function parseServer(server: string): URL {
  const url = URL.parse(server.includes('://') ? server : `nats://${server}`);
  if (!url || !['nats:', 'tls:'].includes(url.protocol) || !url.hostname) {
    throw new TypeError('A NATS server is not a URL like nats://host:port');
  }
  return url;
}

function credentials({ username, password }: URL): ConnectionOptions {
  if (password === '') return { token: decodeURIComponent(username) };
  return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}
