import type { Caller } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import type { Standing, StandingAccess } from '../access-view/standing-access.js';
import { ACCESS_VIEW_STALE } from '../authentication/lease-authenticator.js';
import type { LimitTally } from '../limits/limit-tally.js';
import type { UpgradeResponse } from './upgrade-response.js';

const TOO_MANY_OF_TOKEN = new Problem(
  429,
  'too_many_upgrades',
  'Too many upgraded connections are open with this token',
  {
    headers: { 'Retry-After': '1' },
  },
);
const TOO_MANY = new Problem(503, 'too_many_upgrades', 'Too many upgraded connections are open at this gateway', {
  headers: { 'Retry-After': '1' },
});

/** Upgraded connections, from the decision to let them in to their end. */
export class Upgrades {
  /** By token, of those that have some. */
  readonly #open = new Map<number | null, number>();

  constructor(
    private readonly standing: Pick<StandingAccess, 'add' | 'remove' | 'holds' | 'endAll' | 'count'>,
    private readonly openMax: number,
    private readonly perTokenMax: number,
    private readonly tally: Pick<LimitTally, 'upgrades_per_token'>,
  ) {}

  /**
   * Takes a connection in, before its upstream is asked: from here on it ends when its caller's access does.
   *
   * @param mayGoOn decides on its request anew
   * @returns why it can't be taken in, if it can't
   */
  admit(response: UpgradeResponse, caller: Caller, mayGoOn: () => boolean): Problem | undefined {
    if (this.standing.count >= this.openMax) return TOO_MANY;
    if (this.#countOf(caller) >= this.perTokenMax) {
      this.tally.upgrades_per_token += 1;
      return TOO_MANY_OF_TOKEN;
    }
    const standing: Standing = { caller, mayGoOn, end: () => response.cut() };
    // Anew, in one turn with the adding: introspection may have let it in by what was true before the view's latest number.
    if (!this.standing.holds(caller) || !mayGoOn() || !this.standing.add(standing)) return ACCESS_VIEW_STALE;
    response.permitted = () => this.standing.holds(caller);
    this.#count(caller, 1);
    response.socket?.once('close', () => {
      this.standing.remove(standing);
      this.#count(caller, -1);
    });
    return undefined;
  }

  /** Cuts all of them; their clients come back to another gateway. */
  cut(): void {
    this.standing.endAll();
  }

  #countOf({ tokenId }: Caller): number {
    return this.#open.get(tokenId) ?? 0;
  }

  #count(caller: Caller, change: number): void {
    const count = this.#countOf(caller) + change;
    if (count > 0) this.#open.set(caller.tokenId, count);
    else this.#open.delete(caller.tokenId);
  }
}
