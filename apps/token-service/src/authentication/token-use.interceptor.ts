import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { UsageIntake } from '../usage/usage-intake.js';
import type { AuthenticatedRequest } from './current-caller.js';

/** Counts the use of a token that reached this service directly. A gateway has counted those that it passed on. */
@Injectable()
export class TokenUseInterceptor implements NestInterceptor {
  constructor(private readonly usage: UsageIntake) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { user, origin } = context.switchToHttp().getRequest<Partial<AuthenticatedRequest>>();
    if (user?.tokenId && origin && !origin.gateway) this.usage.record(user.tokenId, origin.address);
    return next.handle();
  }
}
