import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { errorFormFor } from '@portcullis/access-control';
import { API_BODY_BYTES_MAX, Problem, SCIM_MEDIA_TYPE } from '@portcullis/contracts';
import { type Tracing, withRequestId } from '@portcullis/telemetry';
import { CertificateFiles, type TlsLog } from '@portcullis/tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthenticatedRequest } from './authentication/current-caller.js';
import { originOf } from './authentication/request-origin.js';
import type { TokenServiceConfig } from './config.js';
import type { RequestTally } from './metrics/request-tally.js';
import { traceRequests } from './tracing/request-spans.js';

/**
 * Fastify, with where a request comes from worked out first, and the internal API kept to its own port.
 *
 * @throws TlsFilesError when the certificate or its key can't be used
 */
export function httpAdapter(
  config: TokenServiceConfig,
  requests: RequestTally,
  log: TlsLog,
  tracing?: Tracing,
): FastifyAdapter {
  const certificate = config.tls && CertificateFiles.open(config.tls, log);
  const adapter = new FastifyAdapter({
    ...(certificate && ({ https: certificate.current } as object)), // the types have another adapter for TLS
    bodyLimit: API_BODY_BYTES_MAX,
    requestTimeout: 30_000,
    return503OnClosing: false, // what still comes on a kept-alive connection is served, and is its last
    frameworkErrors: (error: Error, { url }: { url: string }, reply: FastifyReply) =>
      answer(url, reply, new Problem(400, 'invalid_request', error.message)),
  });
  certificate?.onRenewal((renewed) => (adapter.getHttpServer() as unknown as TlsServer).setSecureContext(renewed));
  adapter.getInstance().removeContentTypeParser('text/plain');
  const json = adapter.getInstance().getDefaultJsonParser('error', 'error');
  adapter.getInstance().addContentTypeParser(SCIM_MEDIA_TYPE, { parseAs: 'string' }, json);
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    if (!hasBody(request.raw)) delete request.raw.headers['content-type']; // else an empty body is taken for broken JSON
    const origin = originOf(request.raw, config.internalSecret);
    (request as unknown as AuthenticatedRequest).origin = origin;
    void reply.header('X-Request-Id', origin.requestId);
    const isInternalRoute = request.url.startsWith('/internal/');
    const isInternalPort = request.socket.localPort === config.internalPort;
    if (isInternalRoute === isInternalPort) return done();
    answer(request.url, reply, new Problem(404, 'not_found', 'There is nothing at this path'));
  });
  logWithRequestId(adapter.getInstance());
  if (tracing) traceRequests(adapter.getInstance(), tracing);
  adapter.getInstance().addHook('onResponse', (request, reply, done) => {
    requests.note(request.method, request.routeOptions.url, reply.statusCode);
    done();
  });
  // A connection that stays open after the answer would hold up the end of the process until it has been idle for a minute.
  adapter.getInstance().addHook('onSend', (request, reply, _payload, done) => {
    if (!request.server.server.listening) void reply.header('Connection', 'close');
    done();
  });
  return adapter;
}

/** Twice: reading the body loses what was entered before. */
function logWithRequestId(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', enterRequest);
  fastify.addHook('preValidation', enterRequest);
}

function enterRequest(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  withRequestId((request as unknown as AuthenticatedRequest).origin.requestId, done);
}

/** RFC 9112 section 6.3: without either header a request has no body. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function answer(url: string, reply: FastifyReply, problem: Problem): void {
  const form = errorFormFor(url);
  void reply.status(problem.status).header('Content-Type', form.mediaType).send(form.body(problem));
}

/**
 * Serves the internal API on a port of its own, which is all that gateways need to reach.
 *
 * @returns the server
 * @throws TlsFilesError when the certificate, its key or the authorities can't be used
 */
export async function listenInternally(
  app: NestFastifyApplication,
  config: TokenServiceConfig,
  log: TlsLog,
): Promise<Server> {
  const fastify = app.getHttpAdapter().getInstance();
  const server = internalServer(config, log, (request, response) => fastify.routing(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.internalPort, config.host, resolve);
  });
  fastify.addHook('onClose', (_instance, done) => {
    server.close(() => done());
    server.closeIdleConnections();
  });
  return server;
}

function internalServer(
  { tls, internalClientCaFile }: TokenServiceConfig,
  log: TlsLog,
  handler: RequestListener,
): Server {
  if (!tls) return createServer(handler);
  const asksForCertificate = internalClientCaFile !== undefined;
  const files = CertificateFiles.open(asksForCertificate ? { ...tls, caFile: internalClientCaFile } : tls, log);
  const clients = { requestCert: asksForCertificate, rejectUnauthorized: asksForCertificate };
  const server = createTlsServer({ ...files.current, ...clients }, handler);
  files.onRenewal((renewed) => server.setSecureContext(renewed));
  return server;
}
