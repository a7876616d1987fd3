import type { ServerResponse } from 'node:http';

/** Answers that last as long as the client wants them to. Nobody waits for their end: it is made. */
export class OpenStreams {
  readonly #open = new Set<ServerResponse>();

  add(response: ServerResponse): void {
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
  }

  /** Cuts them off; their clients come back to another gateway. */
  cut(): void {
    for (const response of this.#open) response.destroy();
  }
}
