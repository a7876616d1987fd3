import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { isScimPath } from '@portcullis/access-control';
import { type AcceptedChangeDto, Problem, RECEIPT_HEADER, type ReceiptDto } from '@portcullis/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, from, type Observable, switchMap } from 'rxjs';
import { AccessOutcome, RefusedChange } from './access-outcome.js';
import { RevocationBarrier } from './revocation-barrier.js';

/** Holds the answer to a change of access back until the barrier has let it pass, and puts the receipt on it. */
@Injectable()
export class ReceiptInterceptor implements NestInterceptor {
  constructor(private readonly barrier: RevocationBarrier) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
    return next.handle().pipe(
      switchMap((value) => (value instanceof AccessOutcome ? this.confirm(value, request, reply) : from([value]))),
      catchError((error) => from(this.refuse(error))),
    );
  }

  private async confirm(
    outcome: AccessOutcome<unknown>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<unknown> {
    if (wantsNoWait(request)) return accepted(outcome, reply);
    const receipt = await this.barrier.pass(outcome.position, outcome.effect);
    void reply.header(RECEIPT_HEADER, JSON.stringify(receipt));
    return outcome.body(receipt);
  }

  private async refuse(error: unknown): Promise<never> {
    if (!(error instanceof RefusedChange)) throw error;
    const { status, code, detail, extra } = error.problem;
    const receipt: ReceiptDto = await this.barrier.pass(error.position, 'takes');
    throw new Problem(status, code, detail, {
      ...extra,
      headers: { ...extra.headers, [RECEIPT_HEADER]: JSON.stringify(receipt) },
    });
  }
}

/** RFC 7240 section 4.1. SCIM has no such answer: an identity provider takes any success for the whole truth. */
function wantsNoWait({ headers, url }: FastifyRequest): boolean {
  if (isScimPath(url.replace(/\?.*/s, ''))) return false;
  return /(^|,)\s*respond-async\s*(;|,|$)/i.test(String(headers['prefer'] ?? ''));
}

function accepted({ position }: AccessOutcome<unknown>, reply: FastifyReply): AcceptedChangeDto {
  void reply.status(202).headers({ 'Preference-Applied': 'respond-async', Location: `/api/access/${position.seq}` });
  return { seq: position.seq };
}
