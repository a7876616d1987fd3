import { Inject, Injectable } from '@nestjs/common';
import type { EventUser } from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../../access/access-ledger.js';
import { AccessOutcome } from '../../access/access-outcome.js';
import type { AccessTransaction } from '../../access/access-transaction.js';
import type { AccessEffect } from '../../access/revocation-barrier.js';
import type { Actor } from '../../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../../config.js';
import { violatedConstraint } from '../../database/database-errors.js';
import { assertNotLastAdmin } from '../../users/last-admin.js';
import { lockUser } from '../../users/locked-user.js';
import { lockPrincipals, principalsOf } from '../../users/principals.js';
import { effectOf, recordUserChange, recordUserCreated } from '../../users/user-changes.js';
import { deleteUser } from '../../users/user-deletion.js';
import { applyPatch } from '../patch/apply-patch.js';
import { readPatch } from '../patch/patch-request.js';
import { assertMatch } from '../protocol/entity-tag.js';
import { isSameJson, type Json, type JsonObject } from '../protocol/json.js';
import { readResourceId } from '../protocol/resource-id.js';
import type { ScimCall } from '../protocol/scim-call.js';
import { noSuchResource, notManaged, notUnique } from '../protocol/scim-problem.js';
import { readResource } from '../schema/resource-reader.js';
import { USER_TYPE } from '../schema/resource-type.js';
import { userDocument, type UserFields, userFields, userResource, userTag } from './user-resource.js';
import { readUserRow, type UserRow } from './user-row.js';

/** Makes, changes and deletes people for an identity provider (RFC 7644 section 3). */
@Injectable()
export class ScimUsersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** @throws Problem 404 */
  async get(id: string, { base }: ScimCall): Promise<JsonObject> {
    return userResource(await this.row(this.dataSource.manager, id), base);
  }

  /** @throws Problem 400, 409 `uniqueness` */
  async create(body: JsonObject, { actor, base }: ScimCall): Promise<AccessOutcome<JsonObject>> {
    const fields = userFields(readResource(USER_TYPE, body), true);
    const { result, position } = await this.ledger.change(async (tx) => {
      const id = await uniquely(fields, () => insert(tx.manager, fields, actor));
      const [user] = await principalsOf(tx.manager, [id]);
      recordUserCreated(tx, user!, actor);
      return (await readUserRow(tx.manager, id))!;
    });
    return new AccessOutcome(position, 'gives', () => userResource(result, base));
  }

  /** PUT: what is left out is cleared, but for `active`, which stays. @throws Problem 400, 403, 404, 409, 412 */
  async replace(id: string, body: JsonObject, call: ScimCall): Promise<AccessOutcome<JsonObject>> {
    const document = readResource(USER_TYPE, body);
    return this.change(id, call, () => document);
  }

  /** @throws Problem 400, 403, 404, 409, 412 */
  async patch(id: string, body: JsonObject, call: ScimCall): Promise<AccessOutcome<JsonObject>> {
    const operations = readPatch(USER_TYPE, body, id);
    return this.change(id, call, (document) => applyPatch(document, operations));
  }

  /** Deletes someone and all of their tokens. @throws Problem 403, 404, 409 `last_admin`, 412 */
  async delete(id: string, call: ScimCall): Promise<AccessOutcome<void>> {
    const { position } = await this.ledger.change(async (tx) => {
      const row = await this.rowToChange(tx.manager, id, call);
      await deleteUser(tx, await lockUser(tx.manager, row.id), call.actor);
    });
    return new AccessOutcome(position, 'takes', () => undefined);
  }

  private async change(
    id: string,
    call: ScimCall,
    changed: (document: JsonObject) => JsonObject,
  ): Promise<AccessOutcome<JsonObject>> {
    const { result, position } = await this.ledger.change(async (tx) => {
      const row = await this.rowToChange(tx.manager, id, call);
      const fields = userFields(changed(userDocument(row)), row.active);
      const effect = await save(tx, row, fields, call.actor);
      return { row: (await readUserRow(tx.manager, row.id))!, effect };
    });
    return new AccessOutcome(position, result.effect, () => userResource(result.row, call.base));
  }

  /** Locked, at the version that is expected, and the provider's to change. */
  private async rowToChange(manager: EntityManager, id: string, { ifMatch }: ScimCall): Promise<UserRow> {
    await manager.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [readResourceId(id) ?? 0]);
    const row = await this.row(manager, id);
    assertMatch(ifMatch, userTag(row));
    if (!row.scim_managed && !this.config.scimAdopts) throw notManaged([row.user_name]);
    return row;
  }

  private async row(manager: EntityManager, text: string): Promise<UserRow> {
    const id = readResourceId(text);
    const row = id === undefined ? undefined : await readUserRow(manager, id);
    if (!row) throw noSuchResource('user');
    return row;
  }
}

/** Writes what differs. A call that changes nothing waits for what it repeats, as every change does. */
async function save(tx: AccessTransaction, row: UserRow, fields: UserFields, actor: Actor): Promise<AccessEffect> {
  const differing = differingFields(row, fields);
  if (differing.length === 0 && row.scim_managed) return 'takes';
  if (row.active && !fields.active) await assertNotLastAdmin(tx.manager, row);
  const [before] = await lockPrincipals(tx.manager, [row.id]);
  await uniquely(fields, () => update(tx.manager, row.id, fields));
  const [after] = await principalsOf(tx.manager, [row.id]);
  return recordSaved(tx, before!, after!, differing, actor);
}

function recordSaved(
  tx: AccessTransaction,
  before: EventUser,
  after: EventUser,
  differing: string[],
  actor: Actor,
): AccessEffect {
  const changed = recordUserChange(tx, before, after, actor);
  // What only SCIM shows is in no event; that it was changed is in the audit trail.
  if (changed.length === 0) {
    tx.audit(actor, [{ action: 'user.updated', target: `user/${after.id}`, after: { changed: differing } }]);
  }
  return effectOf(before, after);
}

function differingFields(row: UserRow, fields: UserFields): string[] {
  const { user_id: _, scim_attributes, ...columns } = fields;
  const names = Object.keys(columns).filter(
    (name) => columns[name as keyof typeof columns] !== row[name as keyof UserRow],
  );
  const [old, now]: [Record<string, Json>, Record<string, Json>] = [row.scim_attributes ?? {}, scim_attributes];
  const attributes = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return [...names, ...attributes.filter((name) => !isSameJson(old[name], now[name]))];
}

async function insert(manager: EntityManager, fields: UserFields, actor: Actor): Promise<number> {
  const [row] = await manager.query<{ id: number }[]>(INSERT_SQL, [...valuesOf(fields), actor.userId]);
  return row!.id;
}

async function update(manager: EntityManager, id: number, fields: UserFields): Promise<void> {
  await manager.query(UPDATE_SQL, [...valuesOf(fields), id]);
}

function valuesOf(fields: UserFields): unknown[] {
  const { user_id, user_name, email, name, active, external_id, scim_attributes } = fields;
  return [user_id, user_name, email, name, active, external_id, JSON.stringify(scim_attributes)];
}

async function uniquely<T>({ user_name }: UserFields, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) !== 'users_user_id_taken') throw error;
    throw notUnique(`userName: ${user_name} is taken`);
  }
}

const INSERT_SQL = `
  INSERT INTO users (user_id, user_name, email, name, active, external_id, scim_attributes, created_by_id, user_type, role,
    scim_managed)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'User', 'Member', true) RETURNING id`;
const UPDATE_SQL = `
  UPDATE users SET user_id = $1, user_name = $2, email = $3, name = $4, active = $5, external_id = $6, scim_attributes = $7,
    scim_managed = true
  WHERE id = $8`;
