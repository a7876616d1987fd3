import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Tracing } from '@portcullis/telemetry';
import type { AccessLog } from './access-log.js';
import { ObservedRequest } from './observed-request.js';
import { RequestSpan } from './request-span.js';

/** Watches requests for the access log and for traces. Where neither is wanted there is none, and nothing to pay for. */
export class RequestObserver {
  /**
   * @param accessLog undefined: no request gets a line
   * @param loggedShare of the requests that get one, from 0 to 1
   * @param tracing undefined: no request gets a span
   */
  constructor(
    private readonly accessLog: AccessLog | undefined,
    private readonly loggedShare: number,
    private readonly tracing: Tracing | undefined,
  ) {}

  /**
   * A request has come.
   *
   * @param route the prefix of its route, '' when it has none
   * @param path normalised, without the query
   * @returns undefined for one that is neither logged nor traced
   */
  begin(
    request: IncomingMessage,
    response: ServerResponse,
    route: string,
    path: string | undefined,
  ): ObservedRequest | undefined {
    const log = this.loggedShare === 1 || Math.random() < this.loggedShare ? this.accessLog : undefined;
    const span = this.tracing && RequestSpan.begin(this.tracing, request, route, path);
    return log || span ? new ObservedRequest(request, response, route, log, span) : undefined;
  }
}
