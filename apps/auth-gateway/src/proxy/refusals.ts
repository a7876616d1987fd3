import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Problem } from '@portcullis/contracts';
import type { TrafficMeter } from '../access-view/traffic-meter.js';
import type { FailedAuthentications } from '../limits/failed-authentications.js';
import type { ObservedRequest } from '../observation/observed-request.js';
import type { UsageRecorder } from '../usage/usage-recorder.js';
import type { Destination } from './destinations.js';
import type { Passage } from './passage.js';
import { answerProblem } from './problem-answer.js';
import type { RouteTraffic } from './route-traffic.js';
import { UpgradeResponse } from './upgrade-response.js';

/** Where trouble is reported; Nest's Logger will do. */
export interface RefusalLog {
  error(entry: { message: string } & Record<string, unknown>): void;
}

interface Dependencies {
  readonly traffic: Pick<TrafficMeter, 'refused'>;
  readonly routeTraffic: RouteTraffic;
  readonly failures: FailedAuthentications;
  readonly usage: Pick<UsageRecorder, 'recordRefusal'>;
  readonly log: RefusalLog;
  /** The gateway takes no more requests. */
  readonly isDraining: () => boolean;
}

/** Whose token isn't let in. */
interface Refused {
  readonly request: IncomingMessage;
  readonly destination: Destination;
  readonly clientAddress: string;
  readonly requestId: string;
}

export const FAILED = new Problem(500, 'internal_error', 'Something went wrong in the gateway');

/** What the gateway answers instead of passing a request on: counted, and told to whoever observes it. */
export class Refusals {
  constructor(private readonly deps: Dependencies) {}

  /** Something that shouldn't happen did. */
  fail(request: IncomingMessage, response: ServerResponse, error: unknown, passage?: Passage): void {
    const requestId = passage?.requestId ?? randomUUID();
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.deps.log.error({ message, request_id: requestId, trace_id: passage?.observed?.traceId });
    answerProblem(request, response, FAILED, ['X-Request-Id', requestId], true);
  }

  /** A request whose headers aren't in order, or were of no interest. */
  refuseUnread(
    request: IncomingMessage,
    response: ServerResponse,
    problem: Problem,
    observed: ObservedRequest | undefined,
    closing: boolean,
  ): void {
    const requestId = randomUUID();
    observed?.identify(requestId);
    observed?.refuse(problem.code);
    this.count(response);
    answerProblem(request, response, problem, ['X-Request-Id', requestId], closing);
  }

  /** An upgrade that is refused ends its connection: nobody knows what the client goes on with. */
  refuse({ request, response, added, observed }: Passage, problem: Problem): void {
    observed?.refuse(problem.code);
    this.count(response);
    answerProblem(request, response, problem, added, this.deps.isDraining() || response instanceof UpgradeResponse);
  }

  /**
   * Counts a token that isn't let in, and notes it for the audit trail: somebody may go on with one that was revoked.
   *
   * @returns what to answer with
   */
  unauthenticated({ request, destination, clientAddress, requestId }: Refused, problem: Problem): Problem {
    this.deps.usage.recordRefusal({
      problem,
      authorization: request.headers.authorization,
      address: clientAddress,
      route: destination.prefix,
      requestId,
    });
    return this.deps.failures.answerTo(problem, clientAddress);
  }

  private count(response: ServerResponse): void {
    this.deps.traffic.refused += 1;
    this.deps.routeTraffic.refused(response);
  }
}
