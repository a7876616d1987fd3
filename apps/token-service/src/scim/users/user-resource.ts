import { isPlainText } from '@portcullis/contracts';
import { weakTag } from '../protocol/entity-tag.js';
import { isObject, type Json, type JsonObject } from '../protocol/json.js';
import { badRequest } from '../protocol/scim-problem.js';
import { assertFew } from '../schema/attribute-value.js';
import { ENTERPRISE_SCHEMA_ID, USER_SCHEMA_ID } from '../schema/user.schema.js';
import type { UserRow } from './user-row.js';

const USER_NAME_LENGTH_MAX = 254;
const NAME_LENGTH_MAX = 128;
/** In UTF-8, as the database bounds it. */
const ATTRIBUTES_BYTES_MAX = 32_768;

/** What SCIM writes of a person. */
export interface UserFields {
  user_id: string;
  user_name: string;
  email: string;
  name: string;
  active: boolean;
  external_id: string | null;
  scim_attributes: JsonObject;
}

/** A person as a resource of SCIM. */
export function userResource(row: UserRow, base: string): JsonObject {
  const document = userDocument(row);
  const location = `${base}/Users/${row.id}`;
  const groups = row.groups.map(({ value, display }) => ({ value, $ref: `${base}/Groups/${value}`, display, type: 'direct' })); // prettier-ignore
  return {
    schemas: ENTERPRISE_SCHEMA_ID in document ? [USER_SCHEMA_ID, ENTERPRISE_SCHEMA_ID] : [USER_SCHEMA_ID],
    id: String(row.id),
    ...document,
    ...(groups.length > 0 && { groups }),
    meta: {
      resourceType: 'User',
      created: row.created_at.toISOString(),
      lastModified: row.updated_at.toISOString(),
      location,
      version: userTag(row),
    },
  };
}

export function userTag(row: UserRow): string {
  return weakTag(row.id, userDocument(row), row.groups);
}

/** The part of a person that SCIM may write. */
export function userDocument({ user_name, external_id, active, name, email, scim_attributes }: UserRow): JsonObject {
  const own = { userName: user_name, ...(external_id !== null && { externalId: external_id }), active };
  if (scim_attributes !== null) {
    return { ...own, ...scim_attributes, ...('displayName' in scim_attributes && { displayName: name }) };
  }
  return { ...own, displayName: name, emails: [{ value: email, type: 'work', primary: true }] };
}

/**
 * What to write for a document: columns where Portcullis goes by them, and the rest as it was given.
 *
 * @param wasActive what `active` is when the document doesn't say: nobody is let in again by leaving it out
 * @throws Problem 400 `invalidValue`
 */
export function userFields(document: JsonObject, wasActive: boolean): UserFields {
  const { userName, externalId, active, ...attributes } = document;
  const user_name = plainText('userName', userName, USER_NAME_LENGTH_MAX);
  const user_id = user_name.toLowerCase();
  if (user_id.endsWith('@service')) throw badRequest('invalidValue', 'userName: must not end in @service');
  for (const [name, value] of Object.entries(attributes)) if (Array.isArray(value)) assertFew(name, value);
  if (Buffer.byteLength(JSON.stringify(attributes)) > ATTRIBUTES_BYTES_MAX) {
    throw badRequest('invalidValue', `All attributes together must not be longer than ${ATTRIBUTES_BYTES_MAX} bytes`);
  }
  return {
    user_id,
    user_name,
    email: emailOf(attributes['emails'], user_name),
    name: nameOf(attributes, user_name),
    active: typeof active === 'boolean' ? active : wasActive,
    external_id: externalId === undefined ? null : plainText('externalId', externalId, USER_NAME_LENGTH_MAX),
    scim_attributes: attributes,
  };
}

/** @throws Problem 400 `invalidValue` for what isn't text, is blank, is too long or holds control characters */
export function plainText(field: string, value: Json | undefined, lengthMax: number): string {
  const text = typeof value === 'string' ? value.trim() : '';
  if (text !== '' && text.length <= lengthMax && isPlainText(text)) return text;
  throw badRequest(
    'invalidValue',
    `${field}: must be text of 1 to ${lengthMax} characters, without control characters`,
  );
}

/**
 * The primary address, else that of work, else the first; else the user name where it is one.
 * @throws Problem 400 `invalidValue` for any that is no address: all of them are in the index
 */
function emailOf(emails: Json | undefined, userName: string): string {
  const all = Array.isArray(emails) ? emails.filter(isObject).filter(({ value }) => value !== undefined) : [];
  for (const { value } of all) plainText('emails', value, USER_NAME_LENGTH_MAX);
  const chosen = all.find(({ primary }) => primary === true) ?? all.find(({ type }) => type === 'work') ?? all[0];
  if (chosen) return plainText('emails', chosen['value'], USER_NAME_LENGTH_MAX);
  return userName.includes('@') ? userName : '';
}

function nameOf({ displayName, name }: JsonObject, userName: string): string {
  if (displayName !== undefined) return plainText('displayName', displayName, NAME_LENGTH_MAX);
  const { formatted, givenName, familyName } = isObject(name) ? name : {};
  const parts = [givenName, familyName].filter((part) => typeof part === 'string').join(' ');
  const made = [formatted, parts].find((each) => typeof each === 'string' && each.trim() !== '') ?? userName;
  return plainText('name', shortened(String(made).trim()), NAME_LENGTH_MAX);
}

/** Cut off where it is too long, and not in the middle of a character. */
function shortened(name: string): string {
  return name.slice(0, NAME_LENGTH_MAX).replace(/[\uD800-\uDBFF]$/, '');
}
