import { invalidField } from '@portcullis/contracts';
import { type JsonObject } from './json.js';
import type { Selection } from './projection.js';
import { badRequest } from './scim-problem.js';

/** More than this a page never holds; the provider asks for the next one. */
export const PAGE_SIZE_MAX = 200;
const PAGE_SIZE = 100;
const NAMES_MAX = 100;
const INTEGER_MAX = 2_147_483_647;

/** What a client asks of a list (RFC 7644 section 3.4.2), from the query or from the body of a search. */
export interface ListQuery extends Selection {
  readonly filter: string | undefined;
  readonly sortBy: string | undefined;
  readonly descending: boolean;
  /** From 1. */
  readonly startIndex: number;
  readonly count: number;
}

/** @throws Problem 400 for a parameter that is no text, number or list of names */
export function readListQuery(given: Readonly<Record<string, unknown>>): ListQuery {
  return {
    ...readSelection(given),
    filter: text(given, 'filter'),
    sortBy: text(given, 'sortBy'),
    descending: readOrder(text(given, 'sortOrder')),
    startIndex: Math.max(1, integer(given, 'startIndex') ?? 1),
    count: Math.min(PAGE_SIZE_MAX, Math.max(0, integer(given, 'count') ?? PAGE_SIZE)),
  };
}

/** @throws Problem 400 */
export function readSelection(given: Readonly<Record<string, unknown>>): Selection {
  return { attributes: names(given, 'attributes'), excludedAttributes: names(given, 'excludedAttributes') };
}

export function listResponse(resources: JsonObject[], totalResults: number, startIndex: number): JsonObject {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}

function readOrder(order: string | undefined): boolean {
  const word = order?.toLowerCase() ?? 'ascending';
  if (word !== 'ascending' && word !== 'descending') {
    throw badRequest('invalidValue', 'sortOrder: must be ascending or descending');
  }
  return word === 'descending';
}

function text(given: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = own(given, name);
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw invalidField(name, 'must be given once, as text');
  return value;
}

function integer(given: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = own(given, name);
  if (value === undefined || value === null || value === '') return undefined;
  const number = typeof value === 'string' && /^[-+]?\d{1,10}$/.test(value) ? Number(value) : value;
  if (!Number.isInteger(number)) throw badRequest('invalidValue', `${name}: must be a whole number`);
  return Math.min(number as number, INTEGER_MAX);
}

/** In a query separated by commas, in a search a list. */
function names(given: Readonly<Record<string, unknown>>, name: string): string[] {
  const value = own(given, name) ?? [];
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((each) => typeof each === 'string')) throw badRequest('invalidValue', `${name}: must be names`);
  const split = list.flatMap((each) => each.split(',')).map((each) => each.trim()).filter(Boolean); // prettier-ignore
  if (split.length > NAMES_MAX) throw badRequest('invalidValue', `${name}: are more than ${NAMES_MAX}`);
  return split;
}

/** Providers write `sortby` too; a parameter's name is ours whatever its case. */
function own(given: Readonly<Record<string, unknown>>, name: string): unknown {
  const key = Object.keys(given).find((each) => each.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : given[key];
}
