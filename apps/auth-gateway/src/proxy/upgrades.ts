import type { Caller } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import type { Standing, StandingAccess } from '../access-view/standing-access.js';
import { ACCESS_VIEW_STALE } from '../authentication/lease-authenticator.js';
import type { UpgradeResponse } from './upgrade-response.js';

const TOO_MANY = new Problem(503, 'too_many_upgrades', 'Too many upgraded connections are open at this gateway', {
  headers: { 'Retry-After': '1' },
});

/** Upgraded connections, from the decision to let them in to their end. */
export class Upgrades {
  constructor(
    private readonly standing: Pick<StandingAccess, 'add' | 'remove' | 'holds' | 'endAll' | 'count'>,
    private readonly openMax: number,
  ) {}

  /**
   * Takes a connection in, before its upstream is asked: from here on it ends when its caller's access does.
   *
   * @param mayGoOn decides on its request anew
   * @returns why it can't be taken in, if it can't
   */
  admit(response: UpgradeResponse, caller: Caller, mayGoOn: () => boolean): Problem | undefined {
    if (this.standing.count >= this.openMax) return TOO_MANY;
    const standing: Standing = { caller, mayGoOn, end: () => response.cut() };
    if (!this.standing.add(standing)) return ACCESS_VIEW_STALE;
    response.permitted = () => this.standing.holds(caller);
    response.socket?.once('close', () => this.standing.remove(standing));
    return undefined;
  }

  /** Cuts all of them; their clients come back to another gateway. */
  cut(): void {
    this.standing.endAll();
  }
}
