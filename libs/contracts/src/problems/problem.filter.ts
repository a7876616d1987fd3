import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { type ErrorForm, PROBLEM_DETAILS } from './error-form.js';
import { Problem } from './problem.js';

/** The two methods of Fastify's reply that are needed here; contracts know no HTTP server. */
interface Reply {
  status(code: number): Reply;
  headers(values: Record<string, string>): Reply;
  send(body: string): void;
}

/** An app's own errors, by what they are: e.g. a lost database connection is 503 and not 500. */
export type ErrorMapping = (error: unknown) => Problem | undefined;

/** The form in which the answer to this request says what went wrong. */
export type ErrorFormChoice = (request: { url: string }) => ErrorForm;

/** Turns whatever is thrown into problem details (RFC 9457), or the form that is chosen. What isn't meant for the caller becomes a 500 without detail. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('ProblemFilter');

  constructor(
    private readonly mapError: ErrorMapping = () => undefined,
    private readonly formOf: ErrorFormChoice = () => PROBLEM_DETAILS,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = this.toProblem(error);
    const form = this.formOf(host.switchToHttp().getRequest<{ url: string }>());
    const reply = host.switchToHttp().getResponse<Reply>();
    reply
      .status(problem.status)
      .headers({ 'Content-Type': form.mediaType, 'Cache-Control': 'no-store', ...problem.extra.headers })
      .send(form.body(problem));
  }

  private toProblem(error: unknown): Problem {
    if (error instanceof Problem) return error;
    const mapped = this.mapError(error) ?? httpProblem(error);
    if (mapped) return mapped;
    this.#logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return new Problem(500, 'internal_error', 'Something went wrong here; the request id finds it in the log');
  }
}

const CODES: Record<number, string> = {
  400: 'invalid_request',
  401: 'missing_token',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'body_too_large',
  414: 'target_too_long',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
  503: 'unavailable',
};

/** Nest's own exceptions, and Fastify's errors (which carry a `statusCode`), below 500 or 503. */
function httpProblem(error: unknown): Problem | undefined {
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status !== 'number' || status < 400 || (status >= 500 && status !== 503)) return undefined;
  return new Problem(status, CODES[status] ?? 'invalid_request', publicDetail(error as Error, status));
}

function publicDetail(error: Error, status: number): string {
  if (status === 404) return 'There is nothing at this path';
  return error.message;
}
