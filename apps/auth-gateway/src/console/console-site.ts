import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Problem } from '@portcullis/contracts';
import { CONSOLE_PATHS } from '../authorization/own-paths.js';
import { answerProblem } from '../proxy/problem-answer.js';
import type { ConsoleFile, Representation } from './console-files.js';
import { CONSOLE_HEADERS } from './console-headers.js';

const NOT_FOUND = new Problem(404, 'not_found', 'There is nothing at this path');
const READ_ONLY = new Problem(405, 'method_not_allowed', 'There are only pages to read here', {
  headers: { Allow: 'GET, HEAD' },
});

/** Serves the built console: its files, and its page at each path that the page itself knows what to show at. */
export class ConsoleSite {
  constructor(private readonly files: ReadonlyMap<string, ConsoleFile>) {}

  /** @returns a listener that answers what is the console's and leaves the rest to `next` */
  before(next: RequestListener): RequestListener {
    return (request, response) => {
      const path = request.url!.split('?', 1)[0]!;
      if (!isConsolePath(path)) return next(request, response);
      return this.answer(path, request, response);
    };
  }

  private answer(path: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(request, response, READ_ONLY);
    const file = this.files.get(isPage(path) ? '/index.html' : path);
    if (file === undefined) return refuse(request, response, NOT_FOUND);
    send(file, request, response);
  }
}

function isConsolePath(path: string): boolean {
  return path === '/' || CONSOLE_PATHS.some(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
}

/** At these the page itself decides what to show. */
function isPage(path: string): boolean {
  return (
    path === '/' || CONSOLE_PATHS.some((own) => own.page && (path === own.prefix || path.startsWith(`${own.prefix}/`)))
  );
}

function send(file: ConsoleFile, request: IncomingMessage, response: ServerResponse): void {
  const { encoding, body, etag } = chosen(file.representations, request.headers['accept-encoding']);
  const headers = [...CONSOLE_HEADERS, 'Cache-Control', file.cacheControl, 'Vary', 'Accept-Encoding', 'ETag', etag];
  if (isUnchanged(etag, request.headers['if-none-match'])) {
    response.writeHead(304, headers).end();
    return;
  }
  headers.push('Content-Type', file.contentType, 'Content-Length', String(body.length));
  if (encoding !== 'identity') headers.push('Content-Encoding', encoding);
  response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : body);
}

/** The best representation that the client takes (RFC 9110 section 12.5.3); plain where it says nothing of the others. */
function chosen(representations: readonly Representation[], accepted = ''): Representation {
  const takes = new Set(
    accepted
      .toLowerCase()
      .split(',')
      .map((part) => part.trim().split(/\s*;\s*/))
      .filter(([, weight]) => weight === undefined || !/^q=0(\.0*)?$/.test(weight))
      .map(([coding]) => coding),
  );
  return representations.find(({ encoding }) => takes.has(encoding)) ?? representations.at(-1)!;
}

function isUnchanged(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

function refuse(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  answerProblem(request, response, problem, CONSOLE_HEADERS);
}
