import type { ProcessLog } from '@portcullis/telemetry';
import type { RequestFacts } from './observed-request.js';

/** A line for each request that is over, for those who want one. Never the query string, and of the token only its number. */
export class AccessLog {
  constructor(private readonly log: ProcessLog) {}

  write(facts: RequestFacts): void {
    const { method, route, status, durationMs, aborted, refusal } = facts;
    const fields = {
      method,
      route,
      status,
      duration_ms: Math.round(durationMs * 1_000) / 1_000,
      token_id: facts.tokenId,
      request_id: facts.requestId,
      client_address: facts.clientAddress,
      ...(refusal !== undefined && { refusal }),
      ...(aborted && { aborted }),
      ...(facts.traceId !== undefined && { trace_id: facts.traceId }),
    };
    this.log.info(fields, `${method} ${route || '(no route)'} ${status}`);
  }
}
