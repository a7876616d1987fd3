import type { EntityManager } from 'typeorm';
import { matchesValue } from '../filter/filter-match.js';
import type { Filter } from '../filter/filter.js';
import type { PatchOperation } from '../patch/patch-operation.js';
import { isObject, type Json } from '../protocol/json.js';
import { readResourceId } from '../protocol/resource-id.js';
import { badRequest } from '../protocol/scim-problem.js';
import { readValue } from '../schema/attribute-value.js';
import { GROUP_SCHEMA } from '../schema/group.schema.js';
import { readMembers } from './group-row.js';

/** How often a request may go through the whole team, while every other change of access waits. */
const READINGS_MAX = 50;
const MEMBERS = GROUP_SCHEMA.attributes.find(({ name }) => name === 'members')!;

/**
 * Who is to be in a team and who isn't, gathered from the operations of a request. Only people who are named are looked at: one
 * who comes or goes among thousands costs one row. The whole team is read only where an operation is about all of it.
 */
export class Membership {
  /** By id: whether they are to be members. Whoever isn't in here stays as they are. */
  readonly #wanted = new Map<number, boolean>();
  #current: { id: number; name: string }[] | undefined;
  #readings = 0;

  constructor(
    private readonly manager: EntityManager,
    private readonly teamId: number,
  ) {}

  /** @throws Problem 400 `invalidValue`, `noTarget`, `invalidPath` */
  async apply({ op, path, filter, value }: PatchOperation): Promise<void> {
    if (path.subAttribute) throw badRequest('mutability', 'members: a member is added or removed, and not changed');
    if (op === 'add') return this.add(memberIds(value));
    if (op === 'replace') return filter ? this.#replaceMatching(filter, value) : this.replace(value);
    for (const id of await this.#leaving(filter, value)) this.#wanted.set(id, false);
  }

  /** Entra ID names in the value whom to remove; RFC 7644 without a filter means all. Whoever is named needn't be a member. */
  async #leaving(filter: Filter | undefined, value: Json | undefined): Promise<number[]> {
    if (filter) return namedBy(filter) ?? this.#matching(filter);
    return value === undefined || value === null ? this.#all() : readIds(value);
  }

  add(ids: readonly number[]): void {
    for (const id of ids) this.#wanted.set(id, true);
  }

  /** Those who are named are all there are. */
  async replace(value: Json | undefined): Promise<void> {
    for (const id of await this.#all()) this.#wanted.set(id, false);
    this.add(memberIds(value));
  }

  /** @returns who comes and who goes, against what is in the database */
  async difference(): Promise<{ added: number[]; removed: number[] }> {
    const rows = await this.manager.query<{ user_id: number }[]>(MEMBERS_AMONG_SQL, [
      this.teamId,
      [...this.#wanted.keys()],
    ]);
    const members = new Set(rows.map(({ user_id }) => user_id));
    const ids = (wanted: boolean): number[] =>
      [...this.#wanted].filter(([id, is]) => is === wanted && members.has(id) !== wanted).map(([id]) => id);
    const difference = { added: ids(true), removed: ids(false) };
    await this.#assertPeople(difference.added);
    return difference;
  }

  async #replaceMatching(filter: Filter, value: Json | undefined): Promise<void> {
    const matching = await this.#matching(filter);
    if (matching.length === 0) throw badRequest('noTarget', 'members: nobody matches the filter');
    for (const id of matching) this.#wanted.set(id, false);
    this.add(memberIds(value));
  }

  async #matching(filter: Filter): Promise<number[]> {
    const named = namedBy(filter);
    const people = named ? await this.#peopleAmong(named) : await this.#people();
    return people
      .filter(({ id, name }) => matchesValue(filter, { value: String(id), display: name, type: 'User' }))
      .map(({ id }) => id);
  }

  async #all(): Promise<number[]> {
    return (await this.#people()).map(({ id }) => id);
  }

  /** The members as the operations so far have left them. */
  async #people(): Promise<{ id: number; name: string }[]> {
    if (++this.#readings > READINGS_MAX) {
      throw badRequest('tooMany', `Operations: more than ${READINGS_MAX} are about all members`);
    }
    this.#current ??= (await readMembers(this.manager, [this.teamId])).get(this.teamId) ?? [];
    const kept = this.#current.filter(({ id }) => this.#wanted.get(id) !== false);
    const known = new Set(kept.map(({ id }) => id));
    const added = [...this.#wanted].filter(([id, is]) => is && !known.has(id)).map(([id]) => id);
    return [...kept, ...(await this.manager.query<{ id: number; name: string }[]>(PEOPLE_SQL, [added]))];
  }

  async #peopleAmong(ids: number[]): Promise<{ id: number; name: string }[]> {
    const rows = await this.manager.query<{ user_id: number }[]>(MEMBERS_AMONG_SQL, [this.teamId, ids]);
    const members = new Set(rows.map(({ user_id }) => user_id));
    const present = ids.filter((id) => this.#wanted.get(id) ?? members.has(id));
    return this.manager.query<{ id: number; name: string }[]>(PEOPLE_SQL, [present]);
  }

  async #assertPeople(ids: readonly number[]): Promise<void> {
    const people = await this.manager.query<{ id: number }[]>(PEOPLE_SQL, [ids]);
    const known = new Set(people.map(({ id }) => id));
    const unknown = ids.filter((id) => !known.has(id));
    if (unknown.length > 0)
      throw badRequest('invalidValue', `members: there is no user ${unknown.slice(0, 10).join(', ')}`);
  }
}

/** The ids that a filter names by themselves; undefined: it may be about anyone. */
function namedBy(filter: Filter): number[] | undefined {
  if (filter.op !== 'eq' || filter.path.subAttribute?.name !== 'value') return undefined;
  const id = readResourceId(filter.value);
  return id === undefined ? [] : [id];
}

/** The ids that a list of members names. @throws Problem 400 `invalidValue` for one that can't be ours */
function memberIds(value: Json | undefined): number[] {
  return memberValues(value).map((text) => {
    const id = readResourceId(text);
    if (id === undefined) throw badRequest('invalidValue', `members: there is no user ${String(text).slice(0, 100)}`);
    return id;
  });
}

/** The same for members to be removed: whoever doesn't exist isn't there already. */
function readIds(value: Json): number[] {
  return memberValues(value).flatMap((text) => readResourceId(text) ?? []);
}

function memberValues(value: Json | undefined): (Json | undefined)[] {
  const members = (readValue(MEMBERS, value) ?? []) as Json[];
  return members.map((member) => {
    if (isObject(member) && typeof member['type'] === 'string' && member['type'].toLowerCase() !== 'user') {
      throw badRequest('invalidValue', 'members: only people can be members, not groups');
    }
    return isObject(member) ? member['value'] : undefined;
  });
}

/** Service users may be in a team, and SCIM doesn't see them. */
const MEMBERS_AMONG_SQL = `
  SELECT member.user_id FROM team_members member JOIN users u ON u.id = member.user_id
  WHERE member.team_id = $1 AND member.user_id = ANY($2) AND u.user_type = 'User'`;
const PEOPLE_SQL = `SELECT id, name FROM users WHERE id = ANY($1) AND user_type = 'User' ORDER BY id`;
