import type { AccessAck } from '@portcullis/contracts';
import type { LeaseIdentity } from './lease-identity.js';

/** What this gateway can vouch for at this moment. */
export interface Confirmation {
  identity: LeaseIdentity;
  epoch: string;
  seq: number;
}

/** Sends a payload to the token-services, with the lease's MAC in its header. May lose it: a renewal says the same. */
export type PublishAck = (payload: Uint8Array, macHeader: string) => void;

/** Tells the token-services how far the view is; many changes in one turn make one message. */
export class AckPublisher {
  #scheduled = false;
  #latest: Confirmation | undefined;

  constructor(
    private readonly instance: string,
    private readonly confirmation: () => Confirmation | undefined,
    private readonly publish: PublishAck,
  ) {}

  /** Must be called only after the entries were applied. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#acknowledge();
    });
  }

  #acknowledge(): void {
    const confirmation = this.confirmation();
    if (!confirmation || this.#saidBefore(confirmation)) return;
    this.#latest = confirmation;
    const { identity, epoch, seq } = confirmation;
    const ack: AccessAck = { instance: this.instance, lease_id: identity.leaseId, epoch, applied_seq: seq };
    const payload = Buffer.from(JSON.stringify(ack));
    this.publish(payload, identity.macHeader(payload));
  }

  #saidBefore({ identity, epoch, seq }: Confirmation): boolean {
    const latest = this.#latest;
    return latest?.identity === identity && latest.epoch === epoch && latest.seq >= seq;
  }
}
