import type { RefusedRequest } from '@portcullis/access-control';

/** Told of every request that was admitted with a token, or refused after it was asked who makes it. */
export interface UsageRecorder {
  /** Costs a map look-up; never throws, never waits. */
  record(tokenId: number, clientAddress: string): void;

  /** Keeps what is about a token that opens nothing any more; never throws, never waits. */
  recordRefusal(refused: RefusedRequest): void;
}
