/** Why a token that was issued here opens nothing any more. */
export const REFUSAL_REASONS = ['revoked', 'expired', 'deleted', 'user_inactive', 'user_deleted'] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Requests that were refused because of what has become of their token. Those that are alike travel as one. */
export interface RefusedUse {
  /** 0 stands for tokens that were too many to be told apart; `ip`, `route` and `request_id` are empty then. */
  token_id: number;
  reason: RefusalReason;
  /** Address of the caller. */
  ip: string;
  /** The prefix of the route and not the path: a path may hold anything. */
  route: string;
  /** Of the first of these requests. */
  request_id: string;
  count: number;
  /** Milliseconds since 1970. */
  last_at: number;
}

export const REFUSED_USES_MAX = 250;
