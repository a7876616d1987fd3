/** Finds the longest prefix of a path, on segment boundaries: `/api` covers `/api` and `/api/x`, not `/apis`. */
export class RouteTable<T extends { readonly prefix: string }> {
  readonly #byPrefix = new Map<string, T>();
  readonly #lengths: readonly number[];

  /** @param routes each with a normalised prefix; the prefix `/` covers everything */
  constructor(routes: Iterable<T>) {
    for (const route of routes) this.#byPrefix.set(route.prefix === '/' ? '' : route.prefix, route);
    const lengths = new Set(this.#byPrefix.keys().map((prefix) => prefix.length));
    this.#lengths = [...lengths].toSorted((a, b) => b - a);
  }

  /** @param path a normalised path */
  find(path: string): T | undefined {
    for (const length of this.#lengths) {
      if (length > path.length || (length < path.length && path.charCodeAt(length) !== 0x2f)) continue;
      const route = this.#byPrefix.get(path.slice(0, length));
      if (route !== undefined) return route;
    }
    return undefined;
  }
}
