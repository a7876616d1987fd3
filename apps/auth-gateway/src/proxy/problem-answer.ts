import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { errorFormFor } from '@portcullis/access-control';
import type { Problem } from '@portcullis/contracts';
import { discardBody } from './request-body.js';

const NO_HEADERS: readonly string[] = [];

/** A body this small is thrown away without giving up the connection. */
const KEPT_ALIVE_BYTES_MAX = 65_536;

/** Answers that are sent whole and held open only to throw the rest of the request away. */
const lingering = new WeakSet<ServerResponse>();

/** Ends an answer that waits for the rest of its request, which will never come. @returns whether it was one */
export function endLingering(response: ServerResponse): boolean {
  if (!lingering.has(response)) return false;
  response.end();
  return true;
}

/**
 * Answers a request that goes no further with problem details (RFC 9457), or below /scim in SCIM's own form. When the client is still sending a long body, the
 * connection ends with the answer: the whole answer is sent first, then what still comes is thrown away up to a bound.
 *
 * @param added further headers, as a flat list
 * @param closing say `Connection: close` in any case
 */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  added: readonly string[] = NO_HEADERS,
  closing = false,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const form = errorFormFor(request.url ?? '');
  const body = Buffer.from(form.body(problem));
  const headers = ['Content-Type', form.mediaType, 'Content-Length', String(body.length)];
  headers.push('Cache-Control', 'no-store', ...added);
  for (const [name, value] of Object.entries(problem.extra.headers ?? {})) headers.push(name, value);

  const bytesToCome = bodyBytesToCome(request);
  const lingers = bytesToCome > KEPT_ALIVE_BYTES_MAX;
  if (lingers || closing) headers.push('Connection', 'close');
  // The phrase is given: one that an upstream's broken answer left behind would be taken otherwise.
  response.writeHead(problem.status, STATUS_CODES[problem.status] ?? '', headers);
  if (!lingers || request.headers.expect !== undefined) {
    response.end(body);
    if (bytesToCome > 0) discardBody(request, (whole) => void (whole || request.socket.destroy()));
    return;
  }
  // Not `end` yet: Node closes the connection with it, and unread bytes would turn that into a reset.
  response.flushHeaders();
  response.write(body);
  lingering.add(response);
  discardBody(request, () => response.end());
}

/** At most this many bytes; Infinity when the length isn't known, or when the client may or may not send them. */
function bodyBytesToCome(request: IncomingMessage): number {
  if (request.complete) return 0;
  const { 'content-length': length, 'transfer-encoding': encoding, expect } = request.headers;
  if (encoding !== undefined || expect !== undefined) return Infinity;
  return length === undefined ? 0 : Number(length);
}
