import { type Attribute, findAttribute, type Schema } from './attribute.js';
import type { ResourceType } from './resource-type.js';

/** Where a value is in a resource. */
export interface AttributePath {
  /** The extension that the attribute belongs to; undefined: the core schema, or common to all. */
  readonly extension: Schema | undefined;
  readonly attribute: Attribute;
  readonly subAttribute: Attribute | undefined;
}

/** The schema of this URN, whatever its case. */
export function extensionOf(type: ResourceType, urn: string): Schema | undefined {
  const wanted = urn.toLowerCase();
  return type.extensions.find(({ id }) => id.toLowerCase() === wanted);
}

/**
 * Finds `userName`, `name.givenName`, `urn:…:User:name.givenName` (RFC 7644 section 3.10). The URN holds a dot itself, so it is
 * taken off first.
 *
 * @returns undefined for an attribute that this type of resource doesn't have
 */
export function findPath(type: ResourceType, text: string): AttributePath | undefined {
  const { extension, attributes, rest } = splitUrn(type, text);
  const [name = '', subName, ...more] = rest.split('.');
  const attribute = findAttribute(attributes, name);
  if (!attribute || more.length > 0) return undefined;
  if (subName === undefined) return { extension, attribute, subAttribute: undefined };
  const subAttribute = findAttribute(attribute.subAttributes ?? [], subName);
  return subAttribute && { extension, attribute, subAttribute };
}

function splitUrn(
  type: ResourceType,
  text: string,
): { extension: Schema | undefined; attributes: readonly Attribute[]; rest: string } {
  const lower = text.toLowerCase();
  const extension = type.extensions.find(({ id }) => lower.startsWith(`${id.toLowerCase()}:`));
  if (extension) return { extension, attributes: extension.attributes, rest: text.slice(extension.id.length + 1) };
  const isQualified = lower.startsWith(`${type.schema.id.toLowerCase()}:`);
  const rest = isQualified ? text.slice(type.schema.id.length + 1) : text;
  return { extension: undefined, attributes: type.attributes, rest };
}
