import type { Dispatcher } from 'undici';
import type { UpstreamConnection } from './upstream-connection.js';

/** One request and its answer on a connection; outlives neither. What the handler is given as its controller. */
export class Flight implements Dispatcher.DispatchController {
  rawHeaders: string[] | null = null;
  rawTrailers: string[] | null = null;
  aborted = false;
  paused = false;
  reason: Error | null = null;
  /** The handler has been told that the request leaves. */
  started = false;
  connection: UpstreamConnection | undefined;

  constructor(
    readonly head: string,
    /** To HEAD: the answer has no body, whatever its head says. */
    readonly answersHead: boolean,
    readonly handler: Dispatcher.DispatchHandler,
  ) {}

  abort(reason: Error): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.connection?.abort(this, reason);
  }

  pause(): void {
    this.paused = true;
    this.connection?.pause(this);
  }

  resume(): void {
    this.paused = false;
    this.connection?.resume(this);
  }
}
