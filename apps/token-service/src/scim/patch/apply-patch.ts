import { matchesValue } from '../filter/filter-match.js';
import type { Filter } from '../filter/filter.js';
import { canonicalJson, isObject, type Json, type JsonObject } from '../protocol/json.js';
import { badRequest } from '../protocol/scim-problem.js';
import type { Attribute } from '../schema/attribute.js';
import {
  assertFew,
  assertOnePrimary,
  distinct,
  hasPrimary,
  mergeValues,
  readSingle,
  readValue,
  withoutPrimary,
} from '../schema/attribute-value.js';
import type { PatchOperation } from './patch-operation.js';

/**
 * Applies operations to a resource (RFC 7644 section 3.5.2). Only names that a schema has are ever written, so a request can't
 * reach anything else of an object.
 *
 * @param resource in the schema's spelling; stays as it is
 * @returns the changed resource
 * @throws Problem 400 `invalidValue`, `noTarget`, `mutability`
 */
export function applyPatch(resource: JsonObject, operations: readonly PatchOperation[]): JsonObject {
  const changed = structuredClone(resource);
  for (const operation of operations) applyOperation(changed, operation);
  return changed;
}

function applyOperation(resource: JsonObject, operation: PatchOperation): void {
  const { extension, attribute } = operation.path;
  const holder = extension ? ((resource[extension.id] as JsonObject | undefined) ?? {}) : resource;
  const held = Object.hasOwn(holder, attribute.name) ? holder[attribute.name] : undefined;
  const changed = attribute.multiValued
    ? changedValues(operation, (held as Json[] | undefined) ?? [])
    : changedValue(operation, held);
  if (changed === undefined && attribute.required) throw badRequest('mutability', `${attribute.name} is required`);

  if (changed === undefined) delete holder[attribute.name];
  else holder[attribute.name] = changed;
  if (!extension) return;
  if (Object.keys(holder).length > 0) resource[extension.id] = holder;
  else delete resource[extension.id];
}

/** Of an attribute with one value. A complex one keeps the sub-attributes that aren't named. */
function changedValue({ op, path, value }: PatchOperation, held: Json | undefined): Json | undefined {
  const { attribute, subAttribute } = path;
  if (subAttribute) return withSubValue(isObject(held) ? held : {}, subAttribute, op === 'remove' ? undefined : value);
  if (op === 'remove') return undefined;
  const read = readValue(attribute, value);
  if (!isObject(held) || !isObject(value)) return read;
  return emptyToUndefined({ ...withoutNamed(held, value), ...(isObject(read) && read) });
}

/** Without the sub-attributes that are about to be written, some of them perhaps with nothing. */
function withoutNamed(held: JsonObject, value: JsonObject): JsonObject {
  const named = Object.keys(value).map((name) => name.toLowerCase());
  return Object.fromEntries(Object.entries(held).filter(([name]) => !named.includes(name.toLowerCase())));
}

function withSubValue(held: JsonObject, subAttribute: Attribute, value: Json | undefined): JsonObject | undefined {
  const { [subAttribute.name]: _, ...others } = held;
  const read = readSingle(subAttribute, value);
  return emptyToUndefined(read === undefined ? others : { ...others, [subAttribute.name]: read });
}

function emptyToUndefined(object: JsonObject): JsonObject | undefined {
  return Object.keys(object).length > 0 ? object : undefined;
}

function changedValues(operation: PatchOperation, held: readonly Json[]): Json[] | undefined {
  const changed =
    operation.filter || operation.path.subAttribute ? chosenChanged(operation, held) : allChanged(operation, held);
  const { attribute } = operation.path;
  assertFew(attribute.name, changed);
  assertOnePrimary(attribute, changed);
  return changed.length > 0 ? distinct(changed) : undefined;
}

function allChanged({ op, path, value }: PatchOperation, held: readonly Json[]): Json[] {
  const given = (readValue(path.attribute, value) as Json[] | undefined) ?? [];
  if (op === 'add') return mergeValues(held, given);
  if (op === 'replace') return given;
  // RFC 7644 has no value in a remove; Entra ID names in it which values to remove.
  return value === undefined || value === null ? [] : without(held, given);
}

function without(held: readonly Json[], given: readonly Json[]): Json[] {
  const gone = new Set(given.map(nameOf));
  return held.filter((each) => !gone.has(nameOf(each)));
}

/** What a value is removed by: its `value` where it has one, else all of it. */
function nameOf(each: Json): string {
  return canonicalJson(isObject(each) && 'value' in each ? { value: each['value']! } : each);
}

function chosenChanged(operation: PatchOperation, held: readonly Json[]): Json[] {
  const { op, path, filter } = operation;
  const chosen = new Set(held.filter((value) => !filter || matchesValue(filter, value)));
  if (chosen.size === 0) return noneChosen(operation, held);
  if (op === 'remove' && !path.subAttribute) return held.filter((value) => !chosen.has(value));
  const news = new Map([...chosen].map((value) => [value, changedElement(operation, value)]));
  const takesPrimary =
    hasPrimary([...news.values()].filter((value) => value !== undefined)) && !hasPrimary([...chosen]);
  return held.flatMap((value) => {
    const changed = chosen.has(value) ? news.get(value) : takesPrimary ? withoutPrimary(value) : value;
    return changed === undefined ? [] : [changed];
  });
}

/** RFC 7644 section 3.5.2.3: nothing to replace is an error. An add makes the value that its path describes. */
function noneChosen({ op, path, filter, value }: PatchOperation, held: readonly Json[]): Json[] {
  if (op === 'remove') return [...held];
  if (op === 'replace' && filter) throw badRequest('noTarget', `No value of ${path.attribute.name} matches the filter`);
  const described = filter ? describedBy(filter) : {};
  const read = path.subAttribute
    ? { [path.subAttribute.name]: value ?? null }
    : isObject(value)
      ? value
      : { value: value ?? null };
  const made = readSingle(path.attribute, { ...described, ...read });
  return made === undefined ? [...held] : mergeValues(held, [made]);
}

/** What a value must hold for the filter to match it, where the filter says so plainly. */
function describedBy(filter: Filter): JsonObject {
  if (filter.op === 'and') return Object.assign({}, ...filter.filters.map(describedBy)) as JsonObject;
  return filter.op === 'eq' && filter.path.subAttribute ? { [filter.path.subAttribute.name]: filter.value } : {};
}

function changedElement({ op, path, value }: PatchOperation, held: Json): Json | undefined {
  const object = isObject(held) ? held : {};
  if (path.subAttribute) return withSubValue(object, path.subAttribute, op === 'remove' ? undefined : value);
  const read = readSingle(path.attribute, value);
  return op === 'add' && isObject(read) ? { ...object, ...read } : read;
}
