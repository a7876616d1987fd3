import type { AccessTransaction } from '../access/access-transaction.js';
import { type Actor, eventActor } from '../audit/actor.js';
import { deleteAllTokensOf } from '../tokens/user-tokens-deletion.js';
import { assertNotLastAdmin } from './last-admin.js';
import { eventUser } from './principals.js';
import { User } from './user.entity.js';

/** Deletes someone whose row is locked, and all of their tokens. @throws Problem 409 `last_admin` */
export async function deleteUser(tx: AccessTransaction, user: User, actor: Actor): Promise<void> {
  await assertNotLastAdmin(tx.manager, user);
  await deleteAllTokensOf(tx, user, actor);
  const target = `user/${user.id}`;
  const accessSeq = tx.record([{ kind: 'principal', id: String(user.id), value: null }]);
  await tx.manager.delete(User, { id: user.id });
  tx.emit([
    { type: 'UserDeleted', subject: target, accessSeq, data: { user: eventUser(user), actor: eventActor(actor) } },
  ]);
  tx.audit(actor, [{ action: 'user.deleted', target, before: eventUser(user) }]);
}
