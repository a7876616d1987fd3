import { badRequest } from './scim-problem.js';

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

const DEPTH_MAX = 12;
const FORBIDDEN_NAMES = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Takes a body as it was parsed: an object, not too deep, without names that mean something to JavaScript's own objects.
 * @throws Problem 400 `invalidSyntax`
 */
export function readBody(body: unknown): JsonObject {
  if (!isObject(body)) throw badRequest('invalidSyntax', 'The body must be a JSON object');
  assertPlain(body, DEPTH_MAX);
  return body;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function assertPlain(value: Json, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth === 0) throw badRequest('invalidSyntax', `The body is nested deeper than ${DEPTH_MAX} levels`);
  for (const [name, inner] of Object.entries(value)) {
    if (FORBIDDEN_NAMES.has(name)) throw badRequest('invalidSyntax', `${name} is no attribute`);
    assertPlain(inner, depth - 1);
  }
}

/** Whether two values are the same JSON, whatever the order of their names. */
export function isSameJson(a: Json | undefined, b: Json | undefined): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/** JSON text with names in order: the same for the same value. */
export function canonicalJson(value: Json | undefined): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([x], [y]) => (x < y ? -1 : 1))) : inner,
  );
}
