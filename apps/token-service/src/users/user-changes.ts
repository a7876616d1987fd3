import { type EventUser, roleIncludes } from '@portcullis/contracts';
import type { AccessTransaction } from '../access/access-transaction.js';
import type { AccessEffect } from '../access/revocation-barrier.js';
import { type Actor, eventActor } from '../audit/actor.js';
import type { NewEvent } from '../events/outbox.js';
import { principalEntry } from './principals.js';

/** Leaves behind what a new user means: ledger entry, event, audit record. */
export function recordUserCreated(tx: AccessTransaction, user: EventUser, actor: Actor): void {
  const accessSeq = tx.record([principalEntry(user)]);
  const data = { user, actor: eventActor(actor) };
  tx.emit([{ type: 'UserCreated', subject: `user/${user.id}`, accessSeq, data }]);
  tx.audit(actor, [{ action: 'user.created', target: `user/${user.id}`, after: user }]);
}

/** Leaves behind what the change of a user means. @returns the fields that differ; none: nothing was left behind */
export function recordUserChange(
  tx: AccessTransaction,
  before: EventUser,
  after: EventUser,
  actor: Actor,
): (keyof EventUser)[] {
  const changed = changedFields(before, after);
  if (changed.length === 0) return changed;
  const accessSeq = tx.record([principalEntry(after)]);
  tx.emit(updateEvents(after, changed, actor, accessSeq));
  tx.audit(actor, [{ action: 'user.updated', target: `user/${after.id}`, before, after }]);
  return changed;
}

export function changedFields(before: EventUser, after: EventUser): (keyof EventUser)[] {
  return (Object.keys(after) as (keyof EventUser)[]).filter(
    (key) => JSON.stringify(after[key]) !== JSON.stringify(before[key]),
  );
}

/** Whether anything that someone could do before is no longer theirs to do, or what they are called is free for another. */
export function effectOf(before: EventUser, after: EventUser): AccessEffect {
  const isLowered = !roleIncludes(after.role, before.role);
  const isDeactivated = before.active && !after.active;
  const hasLeft = before.teams.some((team) => !after.teams.includes(team));
  const isRenamed = before.user_id !== after.user_id;
  return isLowered || isDeactivated || hasLeft || isRenamed ? 'takes' : 'gives';
}

function updateEvents(user: EventUser, changed: string[], actor: Actor, accessSeq: number): NewEvent[] {
  const event = (type: 'UserUpdated' | 'UserDeactivated' | 'UserReactivated', fields: string[]): NewEvent => ({
    type,
    subject: `user/${user.id}`,
    accessSeq,
    data: { user, actor: eventActor(actor), changed: fields },
  });
  const others = changed.filter((field) => field !== 'active');
  return [
    ...(others.length > 0 ? [event('UserUpdated', others)] : []),
    ...(changed.includes('active') ? [event(user.active ? 'UserReactivated' : 'UserDeactivated', ['active'])] : []),
  ];
}
