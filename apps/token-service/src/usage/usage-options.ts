/** For injection. */
export const USAGE_OPTIONS = Symbol('usage options');

export interface UsageOptions {
  /** Shortest time between two `TokenUsed` events of one token. */
  tokenUsedIntervalSeconds: number;
  /** JetStream replicas of the usage stream. */
  replicas: number;
}

/** Gives the keys that authenticate gateways' reports. For injection. */
export abstract class LeaseKeys {
  /** @returns the key of a lease, released and fenced ones included; nothing when there never was such a lease. */
  abstract keyOf(leaseId: string): Promise<Buffer | undefined>;
}
