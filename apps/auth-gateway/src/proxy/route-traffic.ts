import type { ServerResponse } from 'node:http';

/** How requests of a route ended. `refused`: by the gateway itself; `aborted`: cut off before the end of the answer. */
export interface RouteTally {
  '2xx': number;
  '3xx': number;
  '4xx': number;
  '5xx': number;
  refused: number;
  aborted: number;
}

const TALLY = Symbol('tally');
type Counted = ServerResponse & { [TALLY]?: RouteTally | undefined };

/** Counts requests by route and outcome, in plain numbers. A request costs a look-up and a listener. */
export class RouteTraffic {
  readonly #routes = new Map<string, RouteTally>();

  /** By the prefix of the route. */
  get routes(): ReadonlyMap<string, Readonly<RouteTally>> {
    return this.#routes;
  }

  /** Counts a request when its response is closed. */
  add(response: ServerResponse, prefix: string): void {
    (response as Counted)[TALLY] = this.#tallyOf(prefix);
    response.on('close', countOutcome);
  }

  /** Counts a request that is answered by the gateway itself, whether it was added or is of no route. */
  refused(response: ServerResponse): void {
    const tally = (response as Counted)[TALLY] ?? this.#tallyOf('');
    (response as Counted)[TALLY] = undefined;
    tally.refused += 1;
  }

  #tallyOf(prefix: string): RouteTally {
    const known = this.#routes.get(prefix);
    if (known) return known;
    const tally = { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, refused: 0, aborted: 0 };
    this.#routes.set(prefix, tally);
    return tally;
  }
}

function countOutcome(this: ServerResponse): void {
  const tally = (this as Counted)[TALLY];
  if (!tally) return;
  const { statusCode: status } = this;
  if (!this.writableFinished) tally.aborted += 1;
  else if (status < 300) tally['2xx'] += 1;
  else if (status < 400) tally['3xx'] += 1;
  else if (status < 500) tally['4xx'] += 1;
  else tally['5xx'] += 1;
}
