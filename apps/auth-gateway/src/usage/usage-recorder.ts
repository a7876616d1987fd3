/** Told of every request that was admitted with a token. */
export interface UsageRecorder {
  /** Costs a map look-up; never throws, never waits. */
  record(tokenId: number, clientAddress: string): void;
}
