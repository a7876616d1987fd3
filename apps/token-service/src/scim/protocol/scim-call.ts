import { applyDecorators, Controller, createParamDecorator, type ExecutionContext, Header } from '@nestjs/common';
import { ApiConsumes, ApiProduces, ApiTags } from '@nestjs/swagger';
import { RequiresScim } from '@portcullis/access-control';
import { SCIM_MEDIA_TYPE } from '@portcullis/contracts';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '../../audit/actor.js';
import { actorOf, type AuthenticatedRequest } from '../../authentication/current-caller.js';

/** Who calls SCIM, and how. */
export interface ScimCall {
  /** The identity provider: in audit trail and events it is `scim`. */
  readonly actor: Actor;
  /** Where SCIM is for this caller, without a slash at the end. */
  readonly base: string;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

export const CurrentScimCall = createParamDecorator((_: unknown, context: ExecutionContext): ScimCall => {
  const request = context.switchToHttp().getRequest<FastifyRequest & AuthenticatedRequest>();
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
  return { actor: { ...actorOf(request), credential: 'scim' }, base: baseOf(request), ifMatch, ifNoneMatch };
});

const HOST = /^[A-Za-z0-9._:[\]-]{1,255}$/;

/** What a gateway says of host and scheme is believed; it is the one that the caller knows. */
function baseOf({ url, headers, origin }: FastifyRequest & AuthenticatedRequest): string {
  const path = url.startsWith('/api/') ? '/api/scim/v2' : '/scim/v2';
  const host = String((origin.gateway && headers['x-forwarded-host']) || headers.host || '');
  const isHttps = origin.gateway !== undefined && headers['x-forwarded-proto'] === 'https';
  return HOST.test(host) ? `${isHttps ? 'https' : 'http'}://${host}${path}` : path;
}

/** A controller below both addresses of SCIM (RFC 7644 section 3.13): its scope, its media type. */
export function ScimController(path: string): ClassDecorator {
  return applyDecorators(
    Controller([`scim/v2${path}`, `api/scim/v2${path}`]),
    RequiresScim(),
    ApiTags('SCIM'),
    ApiProduces(SCIM_MEDIA_TYPE),
    ApiConsumes(SCIM_MEDIA_TYPE),
  );
}

/** Answers in SCIM's media type (RFC 7644 section 3.1). */
export function ScimAnswer(): MethodDecorator {
  return Header('Content-Type', SCIM_MEDIA_TYPE);
}
