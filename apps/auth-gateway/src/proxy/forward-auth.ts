import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '@portcullis/access-control';
import { bearerChallenge, Problem } from '@portcullis/contracts';
import type { TrafficMeter } from '../access-view/traffic-meter.js';
import type { Gate } from '../authentication/gate.js';
import { parseRequestTarget } from '../authorization/request-target.js';
import type { ObservedRequest } from '../observation/observed-request.js';
import type { UsageRecorder } from '../usage/usage-recorder.js';
import { readClientHeaders } from './client-headers.js';
import type { CurrentDestinations } from './current-destinations.js';
import { appendIdentity } from './identity-headers.js';
import { type ForwardAuthProxy, isVerification, readOriginalRequest } from './original-request.js';
import { type Action, policyRefusal } from './policy.js';
import { answerProblem, discardRest } from './problem-answer.js';
import type { Refusals } from './refusals.js';
import type { TrustedProxies } from './trusted-proxies.js';

interface Dependencies {
  readonly proxy: ForwardAuthProxy;
  readonly gate: Gate;
  readonly usage: Pick<UsageRecorder, 'record'>;
  readonly traffic: Pick<TrafficMeter, 'requests' | 'refused'>;
  readonly proxies: TrustedProxies;
  readonly destinations: Pick<CurrentDestinations, 'find'>;
  readonly refusals: Pick<Refusals, 'unauthenticated'>;
}

/** One of a proxy's questions. */
interface Question {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly action: Action;
  readonly clientAddress: string;
  readonly requestId: string;
  /** Headers that every answer gets, as a flat list. */
  readonly added: string[];
  readonly observed: ObservedRequest | undefined;
}

const NO_BODIES = { forwardAuthorization: false, forwardOwnCookies: false };
const NOT_A_ROUTE = new Problem(403, 'not_a_route', 'There is no route for this path, so nobody may use it');

/**
 * `/verify`: decides on requests that another proxy passes on, by the routes, the normalisation and the policy that the gateway's
 * own requests go by. 200 with the identity headers, or 401 or 403; 503 when nobody can be admitted. A proxy takes every other
 * status for a fault of its own.
 */
export class ForwardAuth {
  constructor(private readonly deps: Dependencies) {}

  takes(url: string): boolean {
    return isVerification(this.deps.proxy, url);
  }

  answer(request: IncomingMessage, response: ServerResponse, observed?: ObservedRequest): void {
    this.deps.traffic.requests += 1;
    const peer = this.deps.proxies.peer(request.socket);
    const headers = readClientHeaders(request.rawHeaders, request.httpVersion, peer.trusted, NO_BODIES);
    const requestId = headers instanceof Problem ? randomUUID() : (headers.requestId ?? randomUUID());
    const unread = { request, response, added: ['X-Request-Id', requestId], observed };
    if (headers instanceof Problem) return this.refuse(unread, headers, true);
    const clientAddress = this.deps.proxies.clientAddress(peer, headers.forwardedFor);
    observed?.identify(requestId, clientAddress);
    const action = this.action(request);
    if (action instanceof Problem) return this.refuse(unread, action);
    const question = { ...unread, action, clientAddress, requestId };
    this.deps.gate.authenticate(request, (result) => this.decide(question, result));
  }

  /** What the client asked the proxy for, if that is something on a route. */
  private action(request: IncomingMessage): Action | Problem {
    const { method = '', url = '', rawHeaders } = request;
    const original = readOriginalRequest(this.deps.proxy, method, url, rawHeaders);
    if (original instanceof Problem) return original;
    const target = parseRequestTarget(original.target);
    if (target instanceof Problem) return target;
    const destination = this.deps.destinations.find(target);
    if (destination instanceof Problem) return destination;
    if (destination.route === undefined) return NOT_A_ROUTE; // Portcullis's own paths are behind the gateway itself
    return { destination, method: original.method, path: target.path, upgrades: original.upgrades };
  }

  private decide(question: Question, result: Caller | Problem): void {
    const { request, response, clientAddress, added, observed } = question;
    if (response.destroyed) return;
    const refused = this.refusal(question, result);
    if (refused) return this.refuse(question, refused);
    const caller = result as Caller;
    observed?.admit(caller.tokenId);
    if (caller.tokenId !== null) this.deps.usage.record(caller.tokenId, clientAddress);
    const headers = ['Content-Length', '0', 'Cache-Control', 'no-store', ...added];
    appendIdentity(headers, caller);
    response.writeHead(200, headers).end();
    discardRest(request);
  }

  private refusal(question: Question, result: Caller | Problem): Problem | undefined {
    const { action, added } = question;
    if (!(result instanceof Problem))
      return policyRefusal(action, result) ?? action.destination.quotas?.take(result, added);
    return this.deps.refusals.unauthenticated({ ...question, destination: action.destination }, result);
  }

  private refuse(
    { request, response, added, observed }: Pick<Question, 'request' | 'response' | 'added' | 'observed'>,
    problem: Problem,
    closing = false,
  ): void {
    observed?.refuse(problem.code);
    this.deps.traffic.refused += 1;
    answerProblem(request, response, asRefusal(problem, this.deps.proxy), added, closing);
  }
}

/** What would be another 4xx is 403 here, and says as much as a challenge (RFC 6750 section 3). All but nginx hand 429 on. */
function asRefusal(problem: Problem, proxy: ForwardAuthProxy): Problem {
  const { headers: own } = problem.extra;
  if (problem.status === 429 && proxy !== 'nginx') return problem;
  if (problem.status === 401 || problem.status >= 500 || (problem.status === 403 && own)) return problem;
  const headers = { 'WWW-Authenticate': bearerChallenge('invalid_request', problem.detail), ...own };
  return new Problem(403, problem.code, problem.detail, { ...problem.extra, headers });
}
