import type { AddressInfo } from 'node:net';
import bearerAuth from '@fastify/bearer-auth';
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';

/** What one would put together from Fastify's own plugins: one fixed token, and a proxy behind it. */
const app = fastify();
await app.register(bearerAuth, { keys: new Set([process.env['TOKEN']!]) });
await app.register(httpProxy, { upstream: process.env['UPSTREAM']!, disableRequestLogging: true } as never);
await app.listen({ host: '127.0.0.1', port: 0 });
process.send!((app.server.address() as AddressInfo).port);
process.on('disconnect', () => process.exit(0));
