import type { IncomingMessage } from 'node:http';
import { Logger } from '@nestjs/common';
import { type BearerStrategy, type Caller, refusalOf } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';

/** Who makes a request, or why it is refused. What the data path asks before anything else. */
export interface Gate {
  /** Calls `done` exactly once: synchronously while the lease holds (no await, no I/O). */
  authenticate(request: IncomingMessage, done: (result: Caller | Problem) => void): void;
}

type Done = (result: Caller | Problem) => void;

/** A strategy as passport hands it to a request: an object of its own with the actions put on it. */
interface Attempt extends Pick<BearerStrategy, 'authenticate'> {
  done: Done | undefined;
  success(caller: Caller): void;
  fail(challenge: string | number, status?: number): void;
  error(error: unknown): void;
}

const FAILED = new Problem(500, 'internal_error', 'Something went wrong here; the request id finds it in the log');

/**
 * Runs the bearer strategy as passport's own middleware does, without the middleware: the same strategy that Nest's guard uses,
 * at the price of a function call. One attempt is reused as long as decisions are synchronous, which is always while the
 * lease holds.
 */
export class BearerGate implements Gate {
  readonly #logger = new Logger('Gate');
  #spare: Attempt | undefined;

  constructor(private readonly strategy: BearerStrategy) {}

  authenticate(request: IncomingMessage, done: Done): void {
    const attempt = this.#spare ?? this.#newAttempt();
    this.#spare = undefined;
    attempt.done = done;
    attempt.authenticate(request);
  }

  #newAttempt(): Attempt {
    const attempt = Object.create(this.strategy) as Attempt;
    attempt.success = (caller) => this.#settle(attempt, caller);
    attempt.fail = (challenge, status) => this.#settle(attempt, refusalOf(challenge, status));
    attempt.error = (error) => this.#settle(attempt, this.#problemOf(error));
    return attempt;
  }

  #settle(attempt: Attempt, result: Caller | Problem): void {
    const done = attempt.done;
    attempt.done = undefined;
    this.#spare = attempt;
    done?.(result);
  }

  #problemOf(error: unknown): Problem {
    if (error instanceof Problem) return error;
    this.#logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return FAILED;
  }
}
