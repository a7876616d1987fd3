import type { FieldError } from '@portcullis/contracts';
import { type AccessFollower, CLOCK_OFF_MS_MAX } from '../access-view/access-follower.js';
import type { AccessReplica } from '../access-view/access-replica.js';
import type { Lease } from '../access-view/lease.js';

/** Whether this gateway can admit anyone, and if not, why. NATS isn't asked: without it everything works, only slower. */
export class Readiness {
  #draining = false;

  constructor(
    private readonly replica: Pick<AccessReplica, 'view'>,
    private readonly lease: Pick<Lease, 'holds'>,
    private readonly follower: Pick<AccessFollower, 'clockOffMs'>,
  ) {}

  /** The process is about to end. */
  drain(): void {
    this.#draining = true;
  }

  /** @returns what stands in the way; empty when ready */
  reasons(): FieldError[] {
    const reasons: FieldError[] = [];
    const because = (field: string, message: string): number => reasons.push({ field, message });
    if (this.#draining) because('process', 'is shutting down');
    if (!this.replica.view) because('access_view', 'no snapshot of the access ledger was taken yet');
    else if (!this.lease.holds()) because('lease', 'has run out: no token-service was heard from');
    const offMs = this.follower.clockOffMs;
    if (offMs > CLOCK_OFF_MS_MAX) because('clock', `is ${offMs} ms off the token-service's`);
    return reasons;
  }
}
