import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorFormFor } from '@portcullis/access-control';
import type { ErrorForm, Problem } from '@portcullis/contracts';
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

/** Connections that end with an answer that is on its way: what comes behind its request is nobody's (RFC 9112 section 9.6). */
const ending = new WeakSet<Duplex>();

/** Nothing that comes from now on is acted on. */
export function takeNoMore(connection: Duplex): void {
  ending.add(connection);
}

/** Whether a request that has come on this connection is not to be acted on, nor answered. */
export function isEnding(connection: Duplex): boolean {
  return ending.has(connection);
}

/** Makes an answer that hasn't begun the last one on its connection. */
export function endWith(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  takeNoMore(response.req.socket);
}

/** Ends the connection with an answer that can't be completed; in its turn, when it waits behind others. */
export function breakOff(response: ServerResponse): void {
  if (response.socket === null) response.once('socket', (socket) => socket.destroy());
  response.destroy();
}

/**
 * Answers a request that goes no further with problem details (RFC 9457), or below /scim in SCIM's own form. When the client is still
 * sending a long body, or any where the connection ends anyway, the whole answer is sent first, then what still comes is thrown away up to
 * a bound, and then the connection ends.
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
    breakOff(response);
    return;
  }
  const written = writtenIn(errorFormFor(request.url ?? ''), problem);
  const headers = [...written.headers, ...added];

  const bytesToCome = bodyBytesToCome(request);
  const lingers = bytesToCome > (closing ? 0 : KEPT_ALIVE_BYTES_MAX);
  if (lingers || closing) {
    headers.push('Connection', 'close');
    takeNoMore(request.socket);
  }
  // The phrase is given: one that an upstream's broken answer left behind would be taken otherwise.
  response.writeHead(problem.status, STATUS_CODES[problem.status] ?? '', headers);
  if (!lingers || request.headers.expect !== undefined) {
    response.end(written.body, written.encoding);
    discardRest(request);
    return;
  }
  // Not `end` yet: Node closes the connection with it, and unread bytes would turn that into a reset.
  response.flushHeaders();
  response.write(written.body, written.encoding);
  lingering.add(response);
  discardBody(request, () => response.end());
}

/** A problem as it goes out. */
interface WrittenProblem {
  /** A flat list. */
  readonly headers: readonly string[];
  readonly body: string;
  /** Node writes Latin-1 for half the price of UTF-8, and most problems are ASCII. */
  readonly encoding: 'latin1' | 'utf8';
}

/** Most problems are shared objects: each is written once in each form. */
const written = new WeakMap<ErrorForm, WeakMap<Problem, WrittenProblem>>();

function writtenIn(form: ErrorForm, problem: Problem): WrittenProblem {
  let inForm = written.get(form);
  if (!inForm) written.set(form, (inForm = new WeakMap()));
  const known = inForm.get(problem);
  if (known) return known;
  const body = form.body(problem);
  const own = Object.entries(problem.extra.headers ?? {}).flat();
  const length = String(Buffer.byteLength(body));
  const headers = ['Content-Type', form.mediaType, 'Content-Length', length, 'Cache-Control', 'no-store', ...own];
  const result = { headers, body, encoding: isAscii(body) ? 'latin1' : 'utf8' } as const;
  inForm.set(problem, result);
  return result;
}

const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/** Throws away what is still to come of an answered request; one that is too long ends its connection. */
export function discardRest(request: IncomingMessage): void {
  if (bodyBytesToCome(request) > 0) discardBody(request, (whole) => void (whole || request.socket.destroy()));
}

/** At most this many bytes; Infinity when the length isn't known, or when the client may or may not send them. */
function bodyBytesToCome(request: IncomingMessage): number {
  if (request.complete) return 0;
  const { 'content-length': length, 'transfer-encoding': encoding, expect } = request.headers;
  if (encoding !== undefined || expect !== undefined) return Infinity;
  return length === undefined ? 0 : Number(length);
}
