import { findPath } from '../schema/attribute-path.js';
import type { ResourceType } from '../schema/resource-type.js';
import { isObject, type Json, type JsonObject } from './json.js';

/** Which attributes a client wants to see (RFC 7644 section 3.9). */
export interface Selection {
  readonly attributes: readonly string[];
  readonly excludedAttributes: readonly string[];
}

export const WITHOUT_MEMBERS: Selection = { attributes: [], excludedAttributes: ['members'] };

/** A tree of names: `true` is a whole attribute, a set some of its sub-attributes. */
type Names = Map<string, true | Set<string>>;

/**
 * Leaves in a resource what was asked for, and what is always returned: `id` and `schemas`. Names that don't exist are passed
 * over. `excludedAttributes` counts only where no `attributes` are given.
 */
export function project(type: ResourceType, resource: JsonObject, selection: Selection): JsonObject {
  const isSelecting = selection.attributes.length > 0;
  const names = readNames(type, isSelecting ? selection.attributes : selection.excludedAttributes);
  const projected: JsonObject = {};
  for (const [name, value] of Object.entries(resource)) {
    const extension = type.extensions.find(({ id }) => id === name);
    const kept = extension
      ? keptOfExtension(extension.id, value as JsonObject, names, isSelecting)
      : isAlwaysReturned(type, name)
        ? value
        : keep(value, names.get(name), isSelecting);
    if (kept !== undefined) projected[name] = kept;
  }
  return projected;
}

/** Whether this attribute will be left out, so that it needn't be read. */
export function leavesOut(type: ResourceType, name: string, { attributes, excludedAttributes }: Selection): boolean {
  if (attributes.length > 0) return !readNames(type, attributes).has(name);
  return readNames(type, excludedAttributes).get(name) === true;
}

function isAlwaysReturned(type: ResourceType, name: string): boolean {
  return type.attributes.some((attribute) => attribute.name === name && attribute.returned === 'always');
}

function readNames(type: ResourceType, texts: readonly string[]): Names {
  const names: Names = new Map();
  for (const text of texts) {
    const extension = type.extensions.find(({ id }) => id.toLowerCase() === text.toLowerCase());
    if (extension) names.set(extension.id, true);
    const path = findPath(type, text);
    if (!path) continue;
    const key = path.extension ? `${path.extension.id}:${path.attribute.name}` : path.attribute.name;
    const known = names.get(key);
    if (!path.subAttribute) names.set(key, true);
    else if (known !== true) names.set(key, new Set([...(known ?? []), path.subAttribute.name]));
  }
  return names;
}

function keptOfExtension(urn: string, values: JsonObject, names: Names, isSelecting: boolean): Json | undefined {
  if (names.get(urn) === true) return isSelecting ? values : undefined;
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(values)) {
    const inner = keep(value, names.get(`${urn}:${name}`), isSelecting);
    if (inner !== undefined) kept[name] = inner;
  }
  return notEmpty(kept);
}

function keep(value: Json, named: true | Set<string> | undefined, isSelecting: boolean): Json | undefined {
  if (named === undefined) return isSelecting ? undefined : value;
  if (named === true) return isSelecting ? value : undefined;
  if (Array.isArray(value)) return notEmpty(value.flatMap((each) => keep(each, named, isSelecting) ?? []));
  if (!isObject(value)) return value;
  return notEmpty(Object.fromEntries(Object.entries(value).filter(([name]) => named.has(name) === isSelecting)));
}

/** RFC 7643 section 2.5: an empty list, and what has no parts, is the same as nothing. */
function notEmpty<T extends object>(value: T): T | undefined {
  return Object.keys(value).length > 0 ? value : undefined;
}
