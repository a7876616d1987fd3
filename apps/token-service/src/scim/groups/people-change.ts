import type { EventUser } from '@portcullis/contracts';
import type { EntityManager } from 'typeorm';
import type { AccessTransaction } from '../../access/access-transaction.js';
import type { AccessEffect } from '../../access/revocation-barrier.js';
import type { Actor } from '../../audit/actor.js';
import { lockPrincipals, principalsOf } from '../../users/principals.js';
import { effectOf, recordUserChange } from '../../users/user-changes.js';
import { badRequest, notManaged } from '../protocol/scim-problem.js';
import { assignRoles, type RoleGroups } from './group-roles.js';

const TEAMS_PER_PERSON_MAX = 1_000;

export interface PeopleChange {
  tx: AccessTransaction;
  actor: Actor;
  /** Everyone who may be touched. */
  ids: readonly number[];
  /** Whether people who weren't made over SCIM may be. */
  adopts: boolean;
  /** undefined: the change has nothing to do with roles. */
  roleGroups: RoleGroups | undefined;
}

/**
 * Makes a change to what groups people are in, and leaves behind what it means for each of them: role, ledger entry, event,
 * audit record.
 *
 * @throws Problem 403 for someone who isn't the identity provider's to change, 409 `last_admin`
 */
export async function changePeople(change: PeopleChange, work: () => Promise<void>): Promise<AccessEffect> {
  const { tx, ids, roleGroups } = change;
  const before = await lockPrincipals(tx.manager, ids);
  await assertManaged(tx.manager, ids, change.adopts);
  await work();
  const moved = await principalsOf(tx.manager, ids);
  const after = roleGroups ? await assignRoles(tx.manager, moved, roleGroups) : moved;
  const full = after.find(({ teams }) => teams.length > TEAMS_PER_PERSON_MAX);
  if (full) throw badRequest('tooMany', `${full.user_id} would be in more than ${TEAMS_PER_PERSON_MAX} groups`);
  return record(change, before, after);
}

function record({ tx, actor }: PeopleChange, before: EventUser[], after: EventUser[]): AccessEffect {
  const effects = before.map((person, i) => {
    recordUserChange(tx, person, after[i]!, actor);
    return effectOf(person, after[i]!);
  });
  return effects.includes('takes') ? 'takes' : 'gives';
}

/** Service users never are the identity provider's, and people who were made here only where the setting says so. */
async function assertManaged(manager: EntityManager, ids: readonly number[], adopts: boolean): Promise<void> {
  const rows = await manager.query<{ user_id: string }[]>(UNMANAGED_SQL, [ids, adopts]);
  if (rows.length > 0) throw notManaged(rows.map(({ user_id }) => user_id));
}

/** What service users are called is not for SCIM to see. */
const UNMANAGED_SQL = `
  SELECT CASE user_type WHEN 'User' THEN user_id ELSE 'service users' END AS user_id FROM users
  WHERE id = ANY($1) AND (user_type = 'Service' OR NOT (scim_managed OR $2::boolean)) GROUP BY 1 ORDER BY min(id) LIMIT 10`;
