import type { RegisterResponse } from '@portcullis/contracts';
import { signWithLease } from '@portcullis/messaging';

/** This process as the token-service knows it: a lease, and the key that vouches for what is sent in its name over NATS. */
export class LeaseIdentity {
  readonly leaseId: string;
  readonly #key: Buffer;

  constructor({ lease_id, lease_key }: RegisterResponse) {
    this.leaseId = lease_id;
    this.#key = Buffer.from(lease_key, 'base64url');
  }

  /** @returns the value of the header `LEASE_MAC_HEADER` for a message with this payload */
  macHeader(payload: Uint8Array): string {
    return signWithLease(this.leaseId, this.#key, payload);
  }
}
