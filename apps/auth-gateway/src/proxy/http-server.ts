import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Problem, PROBLEM_MEDIA_TYPE } from '@portcullis/contracts';
import type { CertificateFiles } from '@portcullis/tls';
import { REQUEST_HEADERS_MAX } from './client-headers.js';
import type { DataPath } from './data-path.js';
import { answerProblem, endLingering, endWith, isEnding, takeNoMore } from './problem-answer.js';

/** Bounds on what a client may send and how long it may take. */
export interface ServerLimits {
  /** Request line and headers together. */
  readonly headBytesMax: number;
  /** From the first byte of a request, or from the start of the connection, to the end of its headers. */
  readonly headersTimeoutMs: number;
  /** How long a connection may wait for its next request. Longer than the idle time of the proxies in front, as a rule. */
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves in either direction. Longer than what upstreams are given. */
  readonly idleTimeoutMs: number;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  headBytesMax: 16_384,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 65_000,
  idleTimeoutMs: 310_000,
};

const MALFORMED = new Problem(400, 'malformed_request', 'This is not well-formed HTTP/1.1');
const HEAD_TOO_LARGE = new Problem(431, 'headers_too_large', 'The request line and headers are too large');
const BODY_MALFORMED = new Problem(413, 'body_too_large', 'The chunk extensions of the body are too large');
const TIMEOUT = new Problem(408, 'request_timeout', 'The request took too long to arrive');
const NO_TUNNEL = new Problem(501, 'not_implemented', 'CONNECT is not supported');
const NO_EXPECTATION = new Problem(417, 'expectation_failed', 'The only expectation that can be met is 100-continue');

const EARLY_ANSWERS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: HEAD_TOO_LARGE,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: BODY_MALFORMED,
  ERR_HTTP_REQUEST_TIMEOUT: TIMEOUT,
};
const END_OF_HEAD = '\r\n\r\n';
const TOO_LATE_TO_ANSWER = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_WRITE_AFTER_END']);

/**
 * The gateway's HTTP server: requests go to the data path first and to Nest when they aren't for it. Whatever the server itself
 * answers before that is a problem document too.
 *
 * @param nestHandler for the gateway's own app
 * @param certificate what to serve TLS with; plain HTTP without
 */
export function createGatewayServer(
  dataPath: Pick<DataPath, 'handle' | 'upgrades' | 'handleUpgrade'>,
  nestHandler: RequestListener,
  limits: Partial<ServerLimits> = {},
  certificate?: Pick<CertificateFiles, 'current' | 'onRenewal'>,
): Server {
  const { headBytesMax, headersTimeoutMs, keepAliveTimeoutMs, idleTimeoutMs } = { ...DEFAULT_SERVER_LIMITS, ...limits };
  const options: ServerOptions = {
    insecureHTTPParser: false,
    maxHeaderSize: headBytesMax,
    // The data path refuses a request without a host, with a problem document; Node would send an empty 400.
    requireHostHeader: false,
    headersTimeout: headersTimeoutMs,
    // An upload may take as long as it keeps moving: the body has an idle timeout.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(headersTimeoutMs, 2_000),
    noDelay: true,
    // What isn't let through to another protocol is a request like any other (RFC 9110 section 7.8).
    shouldUpgradeCallback: (request) => !isEnding(request.socket) && dataPath.upgrades(request),
  };
  const server = certificate ? tlsServer(options, certificate, headersTimeoutMs) : createServer(options);
  server.maxHeadersCount = REQUEST_HEADERS_MAX + 1;
  server.timeout = idleTimeoutMs;

  server.on('request', (request, response) => {
    if (isForNobody(request, response) || dataPath.handle(request, response)) return;
    nestHandler(request, response);
  });
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    dataPath.handleUpgrade(request, socket as Socket, head);
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // The data path invites the body itself, once an upstream is ready for it.
    if (isForNobody(request, response) || dataPath.handle(request, response)) return;
    response.writeContinue();
    nestHandler(request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    if (!isForNobody(request, response)) answerProblem(request, response, NO_EXPECTATION, [], true);
  });
  server.on('connect', (request, socket: Duplex) => {
    // Node has let go of the connection: an answer that is still to be sent on it can't be.
    if ((request.socket as HttpSocket)._httpMessage) socket.destroy();
    else endWithProblem(socket, NO_TUNNEL);
  });
  server.on('clientError', answerClientError);
  return server;
}

/** @returns whether the connection ends with an answer to an earlier request */
function isForNobody(request: IncomingMessage, response: ServerResponse): boolean {
  if (isEnding(request.socket)) {
    response.destroy();
    return true;
  }
  if (request.headers.upgrade !== undefined && !cameAlone(request)) endWith(response);
  return false;
}

/**
 * Whether nothing has come in one piece with a request. Behind one for an upgrade that isn't made, Node's parser loses it, and would go
 * on in the middle of another request. Clients that offer h2c with every request send nothing behind it, and keep their connection.
 */
function cameAlone({ socket, headers }: IncomingMessage): boolean {
  const piece = (socket as HttpSocket).parser?.getCurrentBuffer?.();
  if (!piece || 'content-length' in headers || 'transfer-encoding' in headers) return false;
  return piece.length > END_OF_HEAD.length && piece.indexOf(END_OF_HEAD) === piece.length - END_OF_HEAD.length;
}

function tlsServer(
  options: ServerOptions,
  certificate: Pick<CertificateFiles, 'current' | 'onRenewal'>,
  handshakeTimeout: number,
): Server {
  const server = createTlsServer({ ...options, ...certificate.current, handshakeTimeout });
  certificate.onRenewal((renewed) => server.setSecureContext(renewed));
  // Node would hand it on as a client error, to be answered; without a handshake there is nobody to answer to.
  server.removeAllListeners('tlsClientError').on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/**
 * For Fastify's `clientErrorHandler`. Fastify adds its handler to any server it is given, and its default one cuts the socket
 * before the answer made here is out.
 */
export function leaveClientErrorToServer(): void {}

/** The response that is being sent on a socket, if any, and what reads it; Node's own handlers look at them as well. */
type HttpSocket = Duplex & {
  _httpMessage?: (ServerResponse & { req: IncomingMessage }) | null;
  parser?: { getCurrentBuffer?(): Buffer | undefined } | null;
};

/** Connections on which something malformed has come: they end once what came before it is answered. */
const broken = new WeakSet<Duplex>();

function answerClientError(error: NodeJS.ErrnoException, socket: HttpSocket): void {
  if (!socket.writable || TOO_LATE_TO_ANSWER.has(error.code ?? '')) {
    socket.destroy();
    return;
  }
  if (broken.has(socket)) return; // each further piece is reported again
  broken.add(socket);
  takeNoMore(socket);
  endAfterAnswers(socket, EARLY_ANSWERS[error.code ?? ''] ?? MALFORMED);
}

/** The fault is in the last of pipelined requests, or in the body of the one that is being answered. */
function endAfterAnswers(socket: HttpSocket, problem: Problem): void {
  const current = socket._httpMessage;
  if (current?.req.complete && !current.destroyed) current.once('finish', () => endAfterAnswers(socket, problem));
  else if (current && endLingering(current)) return;
  else if (current?.headersSent) socket.destroy();
  else endWithProblem(socket, problem);
}

function endWithProblem(socket: Duplex, problem: Problem): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.toJSON().title}`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.on('error', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
