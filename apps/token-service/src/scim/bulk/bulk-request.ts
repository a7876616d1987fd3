import { Problem } from '@portcullis/contracts';
import { isObject, type Json, type JsonObject } from '../protocol/json.js';
import { badRequest } from '../protocol/scim-problem.js';

export const BULK_OPERATIONS_MAX = 500;
const BULK_ID_LENGTH_MAX = 128;
const BULK_REQUEST = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;
const REFERENCE = /^bulkId:(.+)$/s;

export interface BulkOperation {
  readonly method: (typeof METHODS)[number];
  readonly endpoint: 'Users' | 'Groups';
  /** Perhaps `bulkId:…`; undefined for a POST. */
  readonly id: string | undefined;
  readonly bulkId: string | undefined;
  readonly version: string | undefined;
  readonly data: JsonObject;
}

export interface BulkRequest {
  readonly operations: readonly BulkOperation[];
  /** After this many errors the rest is left undone. */
  readonly failOnErrors: number;
}

/** Reads the body of a bulk request (RFC 7644 section 3.7). @throws Problem 400 `invalidSyntax`, `invalidPath`, 413 */
export function readBulk(body: JsonObject): BulkRequest {
  const { schemas, Operations, failOnErrors } = body;
  if (!Array.isArray(schemas) || !schemas.includes(BULK_REQUEST)) throw invalid(`schemas: must name ${BULK_REQUEST}`);
  if (!Array.isArray(Operations)) throw invalid('Operations: must be a list');
  if (Operations.length > BULK_OPERATIONS_MAX) {
    throw new Problem(413, 'too_many_operations', `Operations: are more than ${BULK_OPERATIONS_MAX}`);
  }
  if (failOnErrors !== undefined && !(Number.isInteger(failOnErrors) && (failOnErrors as number) >= 1)) {
    throw invalid('failOnErrors: must be a whole number from 1');
  }
  const operations = Operations.map(readOperation);
  const bulkIds = operations.flatMap(({ bulkId }) => bulkId ?? []);
  if (new Set(bulkIds).size < bulkIds.length) throw invalid('bulkId: must be unique in the request');
  return { operations, failOnErrors: (failOnErrors as number | undefined) ?? Infinity };
}

function readOperation(given: Json): BulkOperation {
  if (!isObject(given)) throw invalid('Operations: each must be an object');
  const method = METHODS.find((each) => each === String(given['method']).toUpperCase());
  if (!method) throw invalid(`method: must be one of ${METHODS.join(', ')}`);
  const { endpoint, id } = readPath(given['path'], method);
  const { bulkId, version } = given;
  // The RFC's own example has the operations of a PATCH as they are.
  const data = method === 'PATCH' && Array.isArray(given['data']) ? { Operations: given['data'] } : given['data'];
  if (bulkId !== undefined && !isBulkId(bulkId)) throw invalid('bulkId: must be text');
  if (method === 'POST' && bulkId === undefined) throw invalid('bulkId: is required for a POST');
  if (version !== undefined && typeof version !== 'string') throw invalid('version: must be text');
  if (method !== 'DELETE' && !isObject(data)) throw invalid('data: must be an object');
  return { method, endpoint, id, bulkId: bulkId as string | undefined, version, data: isObject(data) ? data : {} };
}

function isBulkId(value: Json): value is string {
  return typeof value === 'string' && value !== '' && value.length <= BULK_ID_LENGTH_MAX;
}

function readPath(path: Json | undefined, method: string): Pick<BulkOperation, 'endpoint' | 'id'> {
  const [, endpoint, id] = /^\/(Users|Groups)(?:\/([^/?#]+))?$/.exec(typeof path === 'string' ? path : '') ?? [];
  if (!endpoint || (method === 'POST') !== (id === undefined)) {
    throw badRequest('invalidPath', 'path: must be /Users or /Groups, and name a resource but for a POST');
  }
  return { endpoint: endpoint as BulkOperation['endpoint'], id };
}

/** The bulkIds that an operation refers to, in its path or its data. */
export function references({ id, data }: BulkOperation): string[] {
  const found = new Set<string>();
  mapStrings([id ?? '', data], (text) => {
    const [, bulkId] = REFERENCE.exec(text) ?? [];
    if (bulkId !== undefined) found.add(bulkId);
    return text;
  });
  return [...found];
}

/** Puts the ids of what was made in the place of `bulkId:…`. @param idOf throws for what was not made */
export function resolved(operation: BulkOperation, idOf: (bulkId: string) => string): BulkOperation {
  const put = (text: string): string => text.replace(REFERENCE, (_, bulkId: string) => idOf(bulkId));
  const id = operation.id === undefined ? undefined : put(operation.id);
  return { ...operation, id, data: mapStrings(operation.data, put) as JsonObject };
}

function mapStrings(value: Json, map: (text: string) => string): Json {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((each) => mapStrings(each, map));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapStrings(inner, map)]));
}

/**
 * Puts operations after those that make what they refer to, and otherwise leaves their order.
 * @returns their places in the request, and the places of those that refer to each other in a circle
 */
export function orderByReference(operations: readonly BulkOperation[]): { ordered: number[]; circular: number[] } {
  const makers = new Map(operations.flatMap(({ method, bulkId }, i) => (method === 'POST' ? [[bulkId!, i]] : [])));
  const needs = operations.map((operation) => references(operation).flatMap((bulkId) => makers.get(bulkId) ?? []));
  const done = new Set<number>();
  const ordered: number[] = [];
  // Each round takes what has all it needs; there are no more rounds than operations.
  for (let waiting = [...operations.keys()]; waiting.length > 0;) {
    const isReady = (place: number): boolean => needs[place]!.every((need) => done.has(need));
    const ready = waiting.find(isReady);
    if (ready === undefined) return { ordered, circular: waiting };
    done.add(ready);
    ordered.push(ready);
    waiting = waiting.filter((place) => place !== ready);
  }
  return { ordered, circular: [] };
}

function invalid(detail: string): Problem {
  return badRequest('invalidSyntax', detail);
}
