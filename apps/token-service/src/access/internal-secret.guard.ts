import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { routeAccess } from '@portcullis/access-control';
import { INTERNAL_SECRET_HEADER, Problem } from '@portcullis/contracts';
import { CONFIG, type TokenServiceConfig } from '../config.js';

/** Lets only those who show the internal secret reach routes that are `@InternalOnly()`. */
@Injectable()
export class InternalSecretGuard implements CanActivate {
  readonly #expected: Buffer;

  constructor(
    private readonly reflector: Reflector,
    @Inject(CONFIG) config: TokenServiceConfig,
  ) {
    this.#expected = digest(config.internalSecret);
  }

  canActivate(context: ExecutionContext): boolean {
    if (routeAccess(this.reflector, context.getHandler(), context.getClass())?.kind !== 'internal') return true;
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, unknown> }>();
    const shown = headers[INTERNAL_SECRET_HEADER];
    if (typeof shown === 'string' && timingSafeEqual(digest(shown), this.#expected)) return true;
    throw new Problem(401, 'internal_secret_required', 'The internal API takes the internal secret');
  }
}

/** Digests have one length, whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
