import { parseValueFilter } from '../filter/filter-parser.js';
import { isObject, isSameJson, type Json, type JsonObject } from '../protocol/json.js';
import { badRequest } from '../protocol/scim-problem.js';
import { findAttribute, type Schema } from '../schema/attribute.js';
import { type AttributePath, extensionOf, findPath } from '../schema/attribute-path.js';
import { propertyWithoutCase } from '../schema/resource-reader.js';
import type { ResourceType } from '../schema/resource-type.js';
import type { PatchOperation } from './patch-operation.js';

const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const OPERATIONS_MAX = 1_000;
const PATH_LENGTH_MAX = 4_096;
const OPS = { add: 'add', remove: 'remove', replace: 'replace' } as const;
/** What comes with a whole resource that is sent back, and isn't meant. */
const ECHOED = new Set(['schemas', 'meta', 'groups']);

/**
 * Reads the body of a PATCH (RFC 7644 section 3.5.2) into one operation per attribute. A value object without a path is taken
 * apart, and its names may be whole paths, as Entra ID sends them.
 *
 * @param id of the resource: a provider may repeat it, and not change it
 * @throws Problem 400 `invalidSyntax`, `invalidPath`, `invalidFilter`, `invalidValue`, `noTarget`, `mutability`
 */
export function readPatch(type: ResourceType, body: JsonObject, id: string): PatchOperation[] {
  const schemas = propertyWithoutCase(body, 'schemas');
  if (schemas !== undefined && !(Array.isArray(schemas) && schemas.some((urn) => isSameUrn(urn, PATCH_OP)))) {
    throw badRequest('invalidSyntax', `schemas: must name ${PATCH_OP}`);
  }
  const operations = propertyWithoutCase(body, 'Operations');
  if (!Array.isArray(operations) || operations.length === 0) {
    throw badRequest('invalidSyntax', 'Operations: must be a list of at least one operation');
  }
  if (operations.length > OPERATIONS_MAX) {
    throw badRequest('tooMany', `Operations: are more than ${OPERATIONS_MAX}`);
  }
  return operations.flatMap((operation) => readOperation(type, operation, id));
}

function isSameUrn(given: Json, urn: string): boolean {
  return typeof given === 'string' && given.toLowerCase() === urn.toLowerCase();
}

function readOperation(type: ResourceType, operation: Json, id: string): PatchOperation[] {
  if (!isObject(operation)) throw badRequest('invalidSyntax', 'Operations: each must be an object');
  const op = readOp(propertyWithoutCase(operation, 'op'));
  const path = propertyWithoutCase(operation, 'path');
  const value = propertyWithoutCase(operation, 'value');
  if (op !== 'remove' && value === undefined) throw badRequest('invalidValue', `${op} needs a value`);
  if (path === undefined || path === null || path === '') return withoutPath(type, op, value, id);
  if (typeof path !== 'string') throw badRequest('invalidPath', 'path: must be text');
  const extension = extensionOf(type, path);
  return extension ? ofExtension(type, extension, op, value) : [withPath(type, op, path, value)];
}

function readOp(op: Json | undefined): PatchOperation['op'] {
  const name = typeof op === 'string' ? op.toLowerCase() : '';
  if (!Object.hasOwn(OPS, name)) throw badRequest('invalidSyntax', 'op: must be add, remove or replace');
  return OPS[name as keyof typeof OPS];
}

/** RFC 7644 section 3.5.2.1: the value is an object whose names say where its parts go. */
function withoutPath(
  type: ResourceType,
  op: PatchOperation['op'],
  value: Json | undefined,
  id: string,
): PatchOperation[] {
  if (op === 'remove') throw badRequest('noTarget', 'remove needs a path');
  if (!isObject(value)) throw badRequest('invalidValue', 'Without a path the value must be an object');
  return Object.entries(value).flatMap(([name, inner]) => {
    if (ECHOED.has(name.toLowerCase()) || (name.toLowerCase() === 'id' && isSameJson(inner, id))) return [];
    const extension = extensionOf(type, name);
    if (extension) return ofExtension(type, extension, op, inner);
    const isKnown = /[.:[]/.test(name) || findAttribute(type.attributes, name) !== undefined;
    return isKnown ? [withPath(type, op, name, inner)] : [];
  });
}

/** A path, or a name, that is that of a whole extension. */
function ofExtension(
  type: ResourceType,
  { id, attributes }: Schema,
  op: PatchOperation['op'],
  value: Json | undefined,
): PatchOperation[] {
  const isRemoved = op === 'remove' || (op === 'replace' && (value === null || value === ''));
  if (isRemoved) return attributes.map(({ name }) => withPath(type, 'remove', `${id}:${name}`, undefined));
  if (!isObject(value)) throw badRequest('invalidValue', `${id}: must be an object`);
  return Object.entries(value)
    .filter(([name]) => findAttribute(attributes, name))
    .map(([name, inner]) => withPath(type, op, `${id}:${name}`, inner));
}

function withPath(type: ResourceType, op: PatchOperation['op'], text: string, value: Json | undefined): PatchOperation {
  const { path, filter } = parsePatchPath(type, text);
  if ((path.subAttribute ?? path.attribute).mutability === 'readOnly' || path.attribute.mutability === 'readOnly') {
    throw badRequest('mutability', `${text} is read-only`);
  }
  return { op, path, filter: filter === undefined ? undefined : parseValueFilter(filter, path), value };
}

/** RFC 7644 section 3.5.2: `attrPath / valuePath [subAttr]`. */
function parsePatchPath(type: ResourceType, text: string): { path: AttributePath; filter: string | undefined } {
  const parts =
    text.length > PATH_LENGTH_MAX ? null : /^([^[\]]+?)\s*(?:\[(.*)\](?:\.([^\s.[\]]+))?)?$/s.exec(text.trim());
  const [name, filter, subName] = [parts?.[1] ?? '', parts?.[2], parts?.[3]];
  const path = findPath(type, subName === undefined ? name : `${name}.${subName}`);
  if (!path || (filter !== undefined && !isListOfObjects(path, subName))) {
    throw badRequest('invalidPath', `${text.slice(0, 200)} is no path of a ${type.name}`);
  }
  return { path, filter };
}

function isListOfObjects({ attribute, subAttribute }: AttributePath, subName: string | undefined): boolean {
  const isNamedTwice = subAttribute !== undefined && subName === undefined; // emails.value[…]
  return attribute.multiValued && attribute.subAttributes !== undefined && !isNamedTwice;
}
