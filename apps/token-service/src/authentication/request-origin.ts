import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { FORWARDED_BY_HEADER, forwardedByPayload } from '@portcullis/contracts';

/** Where a request comes from. */
export interface RequestOrigin {
  requestId: string;
  /** The client's address. */
  address: string;
  /** The gateway that passed the request on and counted the use of its token; undefined when it came directly. */
  gateway: string | undefined;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Finds out where a request comes from. `X-Forwarded-For` is believed only with the gateway's MAC over it, so a client that
 * reaches the token-service directly can neither invent an address nor use a token without being counted.
 */
export function originOf(request: IncomingMessage, internalSecret: string): RequestOrigin {
  const sent = single(request, 'x-request-id');
  const requestId = sent && REQUEST_ID.test(sent) ? sent : randomUUID();
  const direct = { requestId, address: request.socket.remoteAddress ?? '', gateway: undefined };
  const forwardedBy = single(request, FORWARDED_BY_HEADER)?.split(';');
  const address = single(request, 'x-forwarded-for')?.split(',')[0]?.trim();
  if (forwardedBy?.length !== 2 || !address) return direct;

  const [gateway, mac] = forwardedBy as [string, string];
  const payload = forwardedByPayload(gateway, requestId, address, request.method ?? '', request.url ?? '');
  const expected = createHmac('sha256', internalSecret).update(payload).digest();
  const given = Buffer.from(mac, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return direct;
  return { requestId, address, gateway };
}

function single(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
