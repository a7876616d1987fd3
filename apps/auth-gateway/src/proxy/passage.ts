import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Problem } from '@portcullis/contracts';
import type { RequestTarget } from '../authorization/request-target.js';
import type { ObservedRequest } from '../observation/observed-request.js';
import { readClientHeaders } from './client-headers.js';
import { corsHeaders, preflightHeaders } from './cors.js';
import type { Destination } from './destinations.js';
import { answerProblem } from './problem-answer.js';
import type { TrustedProxies } from './trusted-proxies.js';
import type { HeaderSource } from './upstream-headers.js';

const PREFLIGHT_REFUSED = new Problem(403, 'origin_not_allowed', 'This origin or preflight is not allowed here');

/** One request on its way in. */
export interface Passage extends HeaderSource {
  readonly response: ServerResponse;
  readonly destination: Destination;
  /** Normalised. */
  readonly path: string;
  /** Headers that every answer gets, as a flat list. */
  readonly added: string[];
  /** Where it is logged or traced. */
  readonly observed: ObservedRequest | undefined;
}

/** Reads the headers of a request whose destination is known. @returns the problem to answer with where they are not in order */
export function readPassage(
  request: IncomingMessage,
  response: ServerResponse,
  destination: Destination,
  { path, target }: RequestTarget,
  proxies: TrustedProxies,
  observed?: ObservedRequest,
): Passage | Problem {
  const peer = proxies.peer(request.socket);
  const client = readClientHeaders(request.rawHeaders, request.httpVersion, peer.trusted, destination.headerRules);
  if (client instanceof Problem) return client;
  const requestId = client.requestId ?? randomUUID();
  const cors = destination.route?.cors;
  const added = ['X-Request-Id', requestId, ...(cors ? corsHeaders(cors, client.origin) : [])];
  const clientAddress = proxies.clientAddress(peer, client.forwardedFor);
  observed?.identify(requestId, clientAddress);
  return { request, response, destination, path, target, client, peer, clientAddress, requestId, added, observed };
}

/** Answers a preflight on a route with a CORS policy, without a token. @returns false when it is none */
export function answerPreflight({ request, response, destination, client, requestId }: Passage): boolean {
  const cors = destination.route?.cors;
  if (!cors || request.method !== 'OPTIONS' || client.origin === undefined) return false;
  const method = request.headers['access-control-request-method'];
  if (method === undefined) return false;
  const wanted = request.headers['access-control-request-headers'];
  const headers = preflightHeaders(cors, client.origin, method, wanted);
  const added = ['X-Request-Id', requestId];
  if (headers) response.writeHead(204, [...headers, ...added]).end();
  else answerProblem(request, response, PREFLIGHT_REFUSED, [...added, 'Vary', 'Origin']);
  return true;
}
