import type { IncomingMessage } from 'node:http';
import type { Caller } from '@portcullis/access-control';
import { FORWARDED_BY_HEADER } from '@portcullis/contracts';
import type { ClientHeaders } from './client-headers.js';
import type { ForwardedBy } from './forwarded-by.js';
import { appendIdentity } from './identity-headers.js';
import type { Peer } from './trusted-proxies.js';

/** What the headers that the gateway adds are made of. */
export interface HeaderSource {
  readonly request: IncomingMessage;
  /** Normalised path and query. */
  readonly target: string;
  readonly client: ClientHeaders;
  readonly peer: Peer;
  readonly clientAddress: string;
  readonly requestId: string;
}

/** The headers for a guarded upstream: who calls comes last, after all that the client could have named away. A flat list. */
export function headersForRoute(source: HeaderSource, caller: Caller): string[] {
  const { client, peer } = source;
  const headers = forwardedHeaders(source);
  const forwardedFor = client.forwardedFor === undefined ? peer.address : `${client.forwardedFor}, ${peer.address}`;
  headers.push('X-Forwarded-For', forwardedFor);
  appendIdentity(headers, caller);
  return headers;
}

/** The headers for the token-service, which gets the client's address alone, and the gateway's word for it. A flat list. */
export function headersForTokenService(source: HeaderSource, forwardedBy: ForwardedBy): string[] {
  const { requestId, clientAddress, request, target } = source;
  const headers = forwardedHeaders(source);
  const proof = forwardedBy.value(requestId, clientAddress, request.method as string, target);
  headers.push('X-Forwarded-For', clientAddress, FORWARDED_BY_HEADER, proof);
  return headers;
}

/** The client's headers, its framing, and what every upstream is told. */
function forwardedHeaders({ client, request, requestId }: HeaderSource): string[] {
  const headers = client.forwarded;
  if (client.hasBody && client.contentLength !== undefined) headers.push('Content-Length', client.contentLength);
  headers.push('X-Request-Id', requestId);
  const encrypted = 'encrypted' in request.socket && request.socket.encrypted;
  headers.push('X-Forwarded-Proto', client.forwardedProto ?? (encrypted ? 'https' : 'http'));
  const host = client.forwardedHost ?? client.host;
  if (host) headers.push('X-Forwarded-Host', host);
  return headers;
}
