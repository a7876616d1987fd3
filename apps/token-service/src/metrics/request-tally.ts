/** Requests of the API, by method, route and class of status. */
export class RequestTally {
  readonly #counts = new Map<string, { method: string; route: string; outcome: string; count: number }>();

  /** @param route as it is declared: a path would be another one for each id. undefined: there is none */
  note(method: string, route: string | undefined, status: number): void {
    const outcome = `${Math.floor(status / 100)}xx`;
    const key = `${method} ${route} ${outcome}`;
    const known = this.#counts.get(key);
    if (known) known.count += 1;
    else this.#counts.set(key, { method, route: route ?? '', outcome, count: 1 });
  }

  get counts(): Iterable<Readonly<{ method: string; route: string; outcome: string; count: number }>> {
    return this.#counts.values();
  }
}
