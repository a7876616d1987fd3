import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The least that an answer of `node:http` costs. It refuses whoever hasn't the one token. */
const GOOD = `Bearer ${process.env['TOKEN']}`;
const BODY = JSON.stringify({ type: 'about:blank', title: 'Unauthorized', status: 401 });
const HEADERS = { 'Content-Type': 'application/problem+json', 'Content-Length': BODY.length };

const server = createServer({ noDelay: true }, (request, response) => {
  if (request.headers.authorization === GOOD) response.writeHead(200, { 'Content-Length': 0 }).end();
  else response.writeHead(401, HEADERS).end(BODY);
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
