import { canonicalJson, isObject, type Json, type JsonObject } from '../protocol/json.js';
import { badRequest } from '../protocol/scim-problem.js';
import { type Attribute, findAttribute } from './attribute.js';

const TEXT_LENGTH_MAX = 8_192;
/** Of an attribute of a person: each operation of a PATCH goes through them, while every other change of access waits. */
const VALUES_MAX = 500;

/**
 * Brings a value into the form that its attribute's definition asks for, taking the spellings that identity providers use:
 * `"True"` for a boolean, a list of one or an object with `value` for a single value, text for an object with `value`.
 *
 * @returns undefined for what is unassigned: null, an empty text or an empty list (RFC 7643 section 2.5)
 * @throws Problem 400 `invalidValue`
 */
export function readValue(attribute: Attribute, value: Json | undefined): Json | undefined {
  return attribute.multiValued ? readValues(attribute, value) : readSingle(attribute, value);
}

function readValues(attribute: Attribute, value: Json | undefined): Json[] | undefined {
  const given = Array.isArray(value) ? value : value === undefined ? [] : [value];
  const values = distinct(given.flatMap((each) => readSingle(attribute, each) ?? []));
  assertOnePrimary(attribute, values);
  return values.length > 0 ? values : undefined;
}

/** RFC 7643 section 2.4: no value is there twice for the same purpose; what else is said of it is put together. */
export function distinct(values: readonly Json[]): Json[] {
  const found = new Map<string, Json>();
  for (const value of values) {
    const identity = identityOf(value);
    const known = found.get(identity);
    found.set(identity, isObject(known) && isObject(value) ? { ...known, ...value } : value);
  }
  return [...found.values()];
}

/** By `type` and `value`; what has no `value`, an address, by all of it. */
function identityOf(value: Json): string {
  return canonicalJson(isObject(value) && 'value' in value ? [value['type'] ?? null, value['value']!] : value);
}

/** RFC 7643 section 2.4: `primary` is true for one value at most. */
export function assertOnePrimary({ name }: Attribute, values: readonly Json[]): void {
  const primaries = values.filter((value) => isObject(value) && value['primary'] === true);
  if (primaries.length > 1) throw badRequest('invalidValue', `${name}: only one value can be primary`);
}

/** @throws Problem 400 `tooMany` */
export function assertFew(name: string, values: readonly Json[]): void {
  if (values.length > VALUES_MAX) throw badRequest('tooMany', `${name}: has more than ${VALUES_MAX} values`);
}

/** One value of an attribute that may have several. */
export function readSingle(attribute: Attribute, value: Json | undefined): Json | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (Array.isArray(value)) return readOnlyOne(attribute, value);
  if (attribute.type === 'complex') return readComplex(attribute, value);
  if (isObject(value) && 'value' in value) return readSingle(attribute, value['value']);
  return attribute.type === 'boolean' ? readBoolean(attribute, value) : readText(attribute, value);
}

function readOnlyOne(attribute: Attribute, value: Json[]): Json | undefined {
  if (value.length > 1) throw badRequest('invalidValue', `${attribute.name}: takes one value`);
  return readSingle(attribute, value[0]);
}

function readComplex(attribute: Attribute, value: Json): JsonObject | undefined {
  const subAttributes = attribute.subAttributes ?? [];
  const given = isObject(value) ? value : findAttribute(subAttributes, 'value') && { value };
  if (!given) throw badRequest('invalidValue', `${attribute.name}: must be an object`);
  const read: JsonObject = {};
  for (const [name, inner] of Object.entries(given)) {
    const subAttribute = findAttribute(subAttributes, name);
    if (!subAttribute) continue;
    const subValue = readSingle(subAttribute, inner);
    if (subValue !== undefined) read[subAttribute.name] = subValue;
  }
  return Object.keys(read).length > 0 ? read : undefined;
}

function readBoolean({ name }: Attribute, value: Json): boolean {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.toLowerCase() : undefined;
  if (word !== 'true' && word !== 'false') throw badRequest('invalidValue', `${name}: must be true or false`);
  return word === 'true';
}

function readText({ name }: Attribute, value: Json): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') throw badRequest('invalidValue', `${name}: must be text`);
  if (text.length > TEXT_LENGTH_MAX) throw badRequest('invalidValue', `${name}: is longer than ${TEXT_LENGTH_MAX}`);
  // Postgres can't store U+0000.
  if (!text.isWellFormed() || text.includes('\0')) throw badRequest('invalidValue', `${name}: is no well-formed text`);
  return text;
}

/** Adds values that aren't there yet; a new primary one takes the mark from the old (RFC 7644 section 3.5.2.1). */
export function mergeValues(old: readonly Json[], added: readonly Json[]): Json[] {
  const kept = hasPrimary(added) ? old.map(withoutPrimary) : old;
  return distinct([...kept, ...added]);
}

export function hasPrimary(values: readonly Json[]): boolean {
  return values.some((value) => isObject(value) && value['primary'] === true);
}

export function withoutPrimary(value: Json): Json {
  return isObject(value) && value['primary'] === true ? { ...value, primary: false } : value;
}
