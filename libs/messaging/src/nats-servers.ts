import { readFileSync } from 'node:fs';
import { type ConnectionOptions, credsAuthenticator } from '@nats-io/transport-node';

/** Files that a connection to NATS needs beside the URL. All are read again at each connect, so what is renewed is taken over. */
export interface NatsFiles {
  /** Authorities that the server's certificate is checked against; Node's own when absent. */
  readonly caFile?: string;
  /** The client's certificate and key, for a server that asks for one. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** A user's JWT and NKEY seed, as `nsc` writes them, in place of a password. */
  readonly credsFile?: string;
}

const SUBJECT_TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Turns NATS URLs into connection options. The client library takes host and port only, so the credentials are taken
 * out of the URL: `user:password@`, or `token@`. Those of the first URL that has any count for all. With one `tls://` among them,
 * or an authority or certificate, no server is talked to without TLS.
 *
 * @param servers URLs (`nats://`, `tls://`) or `host:port`, as a list or separated by commas.
 * @throws TypeError on a URL that can't be parsed; the message doesn't repeat it, since it may hold a password.
 */
export function natsServerOptions(servers: string[] | string, files: NatsFiles = {}): ConnectionOptions {
  const list = (typeof servers === 'string' ? servers.split(',') : servers).map((server) => server.trim());
  const urls = list.filter(Boolean).map(parseServer);
  if (urls.length === 0) throw new TypeError('No NATS server is given');
  const { credsFile, ...tls } = files;
  const withCredentials = urls.find((url) => url.username !== '');
  return {
    servers: urls.map((url) => url.host),
    ...(withCredentials ? credentials(withCredentials) : {}),
    ...(withCredentials ? inboxOf(withCredentials) : {}),
    ...(credsFile === undefined ? {} : { authenticator: credsAuthenticator(() => readFileSync(credsFile)) }),
    ...(urls.some((url) => url.protocol === 'tls:') || Object.keys(tls).length > 0 ? { tls } : {}),
  };
}

/** Answers come back to subjects below the user's own name, so that permissions can keep them from other users. */
function inboxOf({ username, password }: URL): ConnectionOptions {
  return password !== '' && SUBJECT_TOKEN.test(username) ? { inboxPrefix: `_INBOX.${username}` } : {};
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
