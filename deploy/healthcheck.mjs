// Ends with 0 when the app in this container answers on its port. Usage: node healthcheck.mjs <port> [path]
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const [port, path = '/livez'] = process.argv.slice(2);
const get = process.env.PORTCULLIS_TLS_CERT_FILE ? getHttps : getHttp;
// The certificate is for the names that others use, and nobody stands between a process and its own loopback address.
const options = { host: '127.0.0.1', port, path, timeout: 2_000, rejectUnauthorized: false };
get(options, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
