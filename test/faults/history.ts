import type { ReceiptDto } from '@portcullis/contracts';

/**
 * What decides whether a request is let in, and changes independently: whether the token is revoked, whether its user is
 * active, and whether the user's role is one that may write.
 */
export type Register = 'active' | 'role' | `token:${number}`;

export type Direction = 'allow' | 'deny';

/**
 * `returned`: it answered 2xx with a receipt. `unconfirmed`: 503 `revocation_unconfirmed`: the change is made, and nobody could
 * say who goes by it. `lost`: any other answer, or none.
 */
export type ChangeOutcome = 'returned' | 'unconfirmed' | 'lost';

/** A controller's call that gives or takes access. Those on one register follow one another. Times: performance.now(). */
export interface Change {
  register: Register;
  direction: Direction;
  beginMs: number;
  endMs: number;
  outcome: ChangeOutcome;
  tokenService: string;
  status: number;
  receipt?: ReceiptDto | undefined;
}

/** `read` is open to any role, `write` to an Editor, `own`: Portcullis's own API, reached through the gateway. */
export type ProbeKind = 'read' | 'write' | 'own';

/** A client's request at a gateway. */
export interface Probe {
  id: number;
  gateway: string;
  /** Which of the subject's tokens. */
  token: number;
  kind: ProbeKind;
  beginMs: number;
  /** When the client had its answer or gave up. */
  endMs: number;
  /** 0: no answer. */
  status: number;
  /** When the upstream got it, which proves that the gateway let it in, whatever the client saw. */
  arrivedMs?: number;
}

/** One user with some tokens, and all that was done to them and with them. */
export interface SubjectHistory {
  name: string;
  changes: Change[];
  probes: Probe[];
}

/** Which registers must all allow for a probe to be let in. */
export function registersOf({ kind, token }: Pick<Probe, 'kind' | 'token'>): Register[] {
  return [`token:${token}`, 'active', ...(kind === 'write' ? ['role' as const] : [])];
}
