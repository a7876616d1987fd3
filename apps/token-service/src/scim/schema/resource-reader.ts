import { isObject, type Json, type JsonObject } from '../protocol/json.js';
import { badRequest } from '../protocol/scim-problem.js';
import { findAttribute, type Schema } from './attribute.js';
import { extensionOf, findPath } from './attribute-path.js';
import { readValue } from './attribute-value.js';
import type { ResourceType } from './resource-type.js';

/**
 * Reads the resource that a POST or PUT sends: names in the schema's spelling, values in its types. What is read-only is ignored
 * (RFC 7644 section 3.3), and so is what the schemas don't know.
 *
 * @throws Problem 400 `invalidSyntax`, `invalidValue`
 */
export function readResource(type: ResourceType, body: JsonObject): JsonObject {
  assertSchemas(type, body);
  const resource: JsonObject = {};
  for (const [name, value] of Object.entries(body)) {
    const extension = extensionOf(type, name);
    if (extension) {
      merge(resource, extension.id, readExtension(extension, value));
      continue;
    }
    const path = findPath(type, name);
    if (!path || path.subAttribute || path.attribute.mutability === 'readOnly') continue;
    const read = readValue(path.attribute, value);
    if (read === undefined) continue;
    if (path.extension) merge(resource, path.extension.id, { [path.attribute.name]: read });
    else resource[path.attribute.name] = read;
  }
  return resource;
}

function readExtension({ id, attributes }: Schema, given: Json): JsonObject {
  if (given === null || given === '') return {};
  if (!isObject(given)) throw badRequest('invalidValue', `${id}: must be an object`);
  const read: JsonObject = {};
  for (const [name, value] of Object.entries(given)) {
    const attribute = findAttribute(attributes, name);
    const one = attribute && readValue(attribute, value);
    if (attribute && one !== undefined) read[attribute.name] = one;
  }
  return read;
}

function merge(resource: JsonObject, urn: string, values: JsonObject): void {
  if (Object.keys(values).length > 0) resource[urn] = { ...(resource[urn] as JsonObject | undefined), ...values };
}

/** A provider that leaves `schemas` out says nothing wrong; one that names others sends another kind of resource. */
function assertSchemas(type: ResourceType, body: JsonObject): void {
  const schemas = propertyWithoutCase(body, 'schemas');
  if (schemas === undefined) return;
  const named = Array.isArray(schemas) ? schemas.map((urn) => String(urn).toLowerCase()) : [];
  if (!named.includes(type.schema.id.toLowerCase())) {
    throw badRequest('invalidSyntax', `schemas: must name ${type.schema.id}`);
  }
}

/** An own property of the body, whatever the case of its name. */
export function propertyWithoutCase(body: JsonObject, name: string): Json | undefined {
  const found = Object.keys(body).find((key) => key.toLowerCase() === name.toLowerCase());
  return found === undefined ? undefined : body[found];
}
