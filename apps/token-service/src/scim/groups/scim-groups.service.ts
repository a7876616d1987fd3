import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../../access/access-ledger.js';
import { AccessOutcome } from '../../access/access-outcome.js';
import type { AccessTransaction } from '../../access/access-transaction.js';
import type { AccessEffect } from '../../access/revocation-barrier.js';
import type { Actor } from '../../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../../config.js';
import { violatedConstraint } from '../../database/database-errors.js';
import { membersOfTeam } from '../../users/principals.js';
import { applyPatch } from '../patch/apply-patch.js';
import type { PatchOperation } from '../patch/patch-operation.js';
import { readPatch } from '../patch/patch-request.js';
import { assertMatch } from '../protocol/entity-tag.js';
import type { JsonObject } from '../protocol/json.js';
import { leavesOut, type Selection } from '../protocol/projection.js';
import { readResourceId } from '../protocol/resource-id.js';
import type { ScimCall } from '../protocol/scim-call.js';
import { noSuchResource, notUnique } from '../protocol/scim-problem.js';
import { readResource } from '../schema/resource-reader.js';
import { GROUP_TYPE } from '../schema/resource-type.js';
import { plainText } from '../users/user-resource.js';
import { givesRole } from './group-roles.js';
import { groupResource, type GroupRow, groupTag, readGroupRow, readMembers } from './group-row.js';
import { Membership } from './membership.js';
import { changePeople, type PeopleChange } from './people-change.js';

const NAME_LENGTH_MAX = 128;
const EXTERNAL_ID_LENGTH_MAX = 254;

interface GroupFields {
  name: string;
  externalId: string | null;
}

/** Makes, changes and deletes teams for an identity provider, and says who is in them. */
@Injectable()
export class ScimGroupsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** @throws Problem 404 */
  async get(id: string, { base }: ScimCall, selection: Selection): Promise<JsonObject> {
    return this.resource(this.dataSource.manager, await this.row(this.dataSource.manager, id), selection, base);
  }

  /** @throws Problem 400, 403, 409 `uniqueness` */
  async create(body: JsonObject, call: ScimCall, selection: Selection): Promise<AccessOutcome<JsonObject>> {
    const document = readResource(GROUP_TYPE, body);
    const fields = groupFields(document);
    const { result, position } = await this.ledger.change(async (tx) => {
      const id = await insert(tx.manager, fields, call.actor);
      const membership = new Membership(tx.manager, id);
      await membership.replace(document['members']);
      tx.audit(call.actor, [{ action: 'team.created', target: `team/${id}`, after: { name: fields.name } }]);
      const effect = await this.changeMembers(tx, id, [fields.name], membership, call.actor);
      const row = (await readGroupRow(tx.manager, id))!;
      return { effect, resource: await this.resource(tx.manager, row, selection, call.base) };
    });
    return new AccessOutcome(position, result.effect, () => result.resource);
  }

  /** PUT: what is left out is cleared, members too. @throws Problem 400, 403, 404, 409, 412 */
  async replace(
    id: string,
    body: JsonObject,
    call: ScimCall,
    selection: Selection,
  ): Promise<AccessOutcome<JsonObject>> {
    const document = readResource(GROUP_TYPE, body);
    return this.change(id, call, selection, async (_, membership) => {
      await membership.replace(document['members']);
      return document;
    });
  }

  /** @throws Problem 400, 403, 404, 409, 412 */
  async patch(id: string, body: JsonObject, call: ScimCall, selection: Selection): Promise<AccessOutcome<JsonObject>> {
    const operations = readPatch(GROUP_TYPE, body, id);
    return this.change(id, call, selection, async (document, membership) => {
      for (const each of operations) if (isAboutMembers(each)) await membership.apply(each);
      return applyPatch(
        document,
        operations.filter((each) => !isAboutMembers(each)),
      );
    });
  }

  /** Deletes a team; all who were in it lose it, and the role that it gave, in one change. @throws Problem 403, 404, 412 */
  async delete(id: string, call: ScimCall): Promise<AccessOutcome<void>> {
    const { position } = await this.ledger.change(async (tx) => {
      const row = await this.rowToChange(tx.manager, id, call);
      const ids = (await membersOfTeam(tx.manager, row.id)).map((member) => member.id);
      await changePeople(this.peopleChange(tx, call.actor, ids, [row.name]), async () => {
        await tx.manager.query('DELETE FROM teams WHERE id = $1', [row.id]);
      });
      tx.audit(call.actor, [{ action: 'team.deleted', target: `team/${row.id}`, before: { name: row.name } }]);
    });
    return new AccessOutcome(position, 'takes', () => undefined);
  }

  private async change(
    id: string,
    call: ScimCall,
    selection: Selection,
    changed: (document: JsonObject, membership: Membership) => Promise<JsonObject>,
  ): Promise<AccessOutcome<JsonObject>> {
    const { result, position } = await this.ledger.change(async (tx) => {
      const row = await this.rowToChange(tx.manager, id, call);
      const membership = new Membership(tx.manager, row.id);
      const document = { displayName: row.name, ...(row.external_id !== null && { externalId: row.external_id }) };
      const fields = groupFields(await changed(document, membership));
      const renaming = await this.rename(tx, row, fields, call.actor);
      const moving = await this.changeMembers(tx, row.id, [fields.name], membership, call.actor);
      const now = (await readGroupRow(tx.manager, row.id))!;
      const effect: AccessEffect =
        now.version === row.version || [renaming, moving].includes('takes') ? 'takes' : 'gives';
      return { effect, resource: await this.resource(tx.manager, now, selection, call.base) };
    });
    return new AccessOutcome(position, result.effect, () => result.resource);
  }

  /** A new name is a change to everyone in the team: it is what gateways and events call it, and may give or take a role. */
  private async rename(tx: AccessTransaction, row: GroupRow, fields: GroupFields, actor: Actor): Promise<AccessEffect> {
    const isRenamed = row.name !== fields.name;
    if (!isRenamed && row.external_id === fields.externalId) return 'gives';
    const ids = isRenamed ? (await membersOfTeam(tx.manager, row.id)).map((member) => member.id) : [];
    tx.audit(actor, [{ action: 'team.updated', target: `team/${row.id}`, before: { name: row.name }, after: fields }]);
    return changePeople(this.peopleChange(tx, actor, ids, [row.name, fields.name]), () =>
      uniquely(fields, async () => {
        await tx.manager.query('UPDATE teams SET name = $2, external_id = $3 WHERE id = $1', [row.id, fields.name, fields.externalId]); // prettier-ignore
      }),
    );
  }

  private async changeMembers(
    tx: AccessTransaction,
    teamId: number,
    names: readonly string[],
    membership: Membership,
    actor: Actor,
  ): Promise<AccessEffect> {
    const { added, removed } = await membership.difference();
    const ids = [...added, ...removed];
    if (ids.length === 0) return 'gives';
    tx.audit(actor, [{ action: 'team.members_changed', target: `team/${teamId}`, after: { added, removed } }]);
    return changePeople(this.peopleChange(tx, actor, ids, names), async () => {
      if (removed.length > 0) await tx.manager.query(REMOVE_SQL, [teamId, removed]);
      if (added.length > 0) await tx.manager.query(ADD_SQL, [teamId, added]);
    });
  }

  private peopleChange(tx: AccessTransaction, actor: Actor, ids: number[], names: readonly string[]): PeopleChange {
    const { scimRoleGroups, scimAdopts: adopts } = this.config;
    return { tx, actor, ids, adopts, roleGroups: givesRole(scimRoleGroups, ...names) ? scimRoleGroups : undefined };
  }

  private async rowToChange(manager: EntityManager, id: string, { ifMatch }: ScimCall): Promise<GroupRow> {
    await manager.query('SELECT FROM teams WHERE id = $1 FOR UPDATE', [readResourceId(id) ?? 0]);
    const row = await this.row(manager, id);
    assertMatch(ifMatch, groupTag(row));
    return row;
  }

  private async row(manager: EntityManager, text: string): Promise<GroupRow> {
    const id = readResourceId(text);
    const row = id === undefined ? undefined : await readGroupRow(manager, id);
    if (!row) throw noSuchResource('group');
    return row;
  }

  private async resource(
    manager: EntityManager,
    row: GroupRow,
    selection: Selection,
    base: string,
  ): Promise<JsonObject> {
    if (leavesOut(GROUP_TYPE, 'members', selection)) return groupResource(row, undefined, base);
    return groupResource(row, (await readMembers(manager, [row.id])).get(row.id) ?? [], base);
  }
}

function isAboutMembers({ path }: PatchOperation): boolean {
  return path.attribute.name === 'members';
}

function groupFields({ displayName, externalId }: JsonObject): GroupFields {
  return {
    name: plainText('displayName', displayName, NAME_LENGTH_MAX),
    externalId: externalId === undefined ? null : plainText('externalId', externalId, EXTERNAL_ID_LENGTH_MAX),
  };
}

async function insert(manager: EntityManager, fields: GroupFields, actor: Actor): Promise<number> {
  const rows = await uniquely(fields, () =>
    manager.query<{ id: number }[]>(INSERT_SQL, [fields.name, fields.externalId, actor.userId]),
  );
  return rows[0]!.id;
}

async function uniquely<T>({ name }: GroupFields, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) !== 'teams_name_taken') throw error;
    throw notUnique(`displayName: ${name} is taken`);
  }
}

const INSERT_SQL = 'INSERT INTO teams (name, external_id, created_by_id) VALUES ($1, $2, $3) RETURNING id';
const ADD_SQL = 'INSERT INTO team_members (team_id, user_id) SELECT $1, unnest($2::integer[]) ON CONFLICT DO NOTHING';
const REMOVE_SQL = 'DELETE FROM team_members WHERE team_id = $1 AND user_id = ANY($2)';
