import {
  INTERNAL_SECRET_HEADER,
  type RegisterRequest,
  type RegisterResponse,
  type RenewResponse,
} from '@portcullis/contracts';
import { INTERNAL_SECRET, type Stack } from './stack.ts';

const RENEW_MS = 200;

/** A lease as a gateway gets it, for someone who is inside already. */
export function registerLease(stack: Stack, request: RegisterRequest): Promise<RegisterResponse> {
  return call(stack, 'POST', '', request);
}

/** A gateway that renews its lease in time and never applies anything: its keys, say, can't be fetched. */
export class HeldLease {
  readonly leaseId: string;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly stack: Stack,
    leaseId: string,
  ) {
    this.leaseId = leaseId;
  }

  /** Registers and renews once; it is at the ledger's latest number then. */
  static async take(stack: Stack, instance: string): Promise<HeldLease> {
    const { lease_id } = await registerLease(stack, { instance });
    const lease = new HeldLease(stack, lease_id);
    const { epoch, seq } = await lease.renew('', 0);
    await lease.renew(epoch, seq);
    lease.#timer = setInterval(() => void lease.renew(epoch, seq).catch(() => undefined), RENEW_MS);
    return lease;
  }

  renew(epoch: string, appliedSeq: number): Promise<RenewResponse> {
    return call(this.stack, 'POST', `/${this.leaseId}`, { epoch, applied_seq: appliedSeq });
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await call(this.stack, 'DELETE', `/${this.leaseId}`);
  }
}

async function call<T>(stack: Stack, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${stack.tokenServices[0]!.internalUrl}/internal/access/leases${path}`, {
    method,
    headers: { [INTERNAL_SECRET_HEADER]: INTERNAL_SECRET, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} of the lease ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}
