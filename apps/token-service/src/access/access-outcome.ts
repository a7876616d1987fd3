import type { Problem, ReceiptDto } from '@portcullis/contracts';
import type { CommittedPosition, LedgerPosition } from './ledger-position.js';
import type { AccessEffect } from './revocation-barrier.js';

/**
 * What a handler returns after a change of access: the answer waits at the barrier first. A call that changed nothing, like a
 * second revoke, waits for the latest number too, since the change it repeats may still be on its way.
 */
export class AccessOutcome<T> {
  constructor(
    readonly position: CommittedPosition,
    readonly effect: AccessEffect,
    /** The body of the answer, made with the receipt. */
    readonly body: (receipt: ReceiptDto) => T,
  ) {}
}

/** A change that was refused: 404 for something just deleted must not be said before the deletion is true everywhere. */
export class RefusedChange extends Error {
  constructor(
    readonly problem: Problem,
    readonly position: LedgerPosition,
  ) {
    super(problem.message);
    this.name = 'RefusedChange';
  }
}
