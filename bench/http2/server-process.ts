import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** Answers over TLS with a small JSON: over HTTP/1.1, or over HTTP/2 through the same interface, or through its own. */
const { KIND: kind = '', CERTIFICATE: folder = '' } = process.env;
const tls = { key: readFileSync(`${folder}/key.pem`), cert: readFileSync(`${folder}/cert.pem`) };
const body = JSON.stringify({ data: 'x'.repeat(120) });
const headers = { 'content-type': 'application/json', 'content-length': body.length };

const server =
  kind === 'HTTP/1.1'
    ? createServer(tls, (_request, response) => response.writeHead(200, headers).end(body))
    : createSecureServer(tls);
if (kind === 'HTTP/2, as requests') {
  server.on('request', (_request, response) => response.writeHead(200, headers).end(body));
} else if (kind === 'HTTP/2, as streams') {
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, ...headers });
    stream.end(body);
  });
}
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
