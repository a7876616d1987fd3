import type { ConnectionOptions } from '@nats-io/transport-node';

/**
 * Where NATS is: `NATS_URL`, several separated by commas. The client takes host and port, so a user and password are taken
 * out of the URL; those of the first one count.
 */
export const connection: ConnectionOptions = connectionOptions(process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222');

function connectionOptions(urls: string): ConnectionOptions {
  const parsed = urls.split(',').map((url) => URL.parse(url.trim()));
  // Without the text itself: there may be a password in it.
  if (parsed.some((url) => !url?.host)) throw new Error('NATS_URL must hold URLs like nats://host:4222');
  const [first] = parsed as [URL, ...URL[]];
  return {
    servers: parsed.map((url) => url!.host),
    ...(first.username && { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) }),
    ...(first.protocol === 'tls:' && { tls: {} }),
  };
}
