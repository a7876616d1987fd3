import { Problem } from '@portcullis/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../protocol/json.js';
import { USER_TYPE } from '../schema/resource-type.js';
import { ENTERPRISE_SCHEMA_ID as ENTERPRISE } from '../schema/user.schema.js';
import { applyPatch } from './apply-patch.js';
import { readPatch } from './patch-request.js';

function patched(resource: JsonObject, ...operations: JsonObject[]): JsonObject {
  return applyPatch(resource, readPatch(USER_TYPE, { Operations: operations }, '7'));
}

const ADA = { userName: 'ada', emails: [{ value: 'a@b.c', type: 'work', primary: true }] };

describe('PATCH', () => {
  it.each<[what: string, operation: JsonObject, expected: JsonObject]>([
    ['text for a boolean', { op: 'Replace', path: 'active', value: 'False' }, { ...ADA, active: false }],
    ['a list of one for a single value', { op: 'Add', path: 'title', value: [{ $ref: null, value: 'x' }] }, { ...ADA, title: 'x' }],
    ['text for a manager', { op: 'add', path: `${ENTERPRISE}:manager`, value: '5' }, { ...ADA, [ENTERPRISE]: { manager: { value: '5' } } }],
    ['the URN of the core schema', { op: 'add', path: 'urn:ietf:params:scim:schemas:core:2.0:User:name.givenName', value: 'A' }, { ...ADA, name: { givenName: 'A' } }],
    ['a whole extension', { op: 'add', value: { [ENTERPRISE]: { department: 'D', unknown: 1 } } }, { ...ADA, [ENTERPRISE]: { department: 'D' } }],
    ['an address that its path describes', { op: 'add', path: 'emails[type eq "home"].value', value: 'h@b.c' }, { ...ADA, emails: [...ADA.emails, { type: 'home', value: 'h@b.c' }] }],
    ['a new primary address', { op: 'add', path: 'emails', value: { value: 'p@b.c', primary: true } }, { ...ADA, emails: [{ ...ADA.emails[0], primary: false }, { value: 'p@b.c', primary: true }] }],
    ['an address that is there, and what is new of it', { op: 'add', path: 'emails', value: [{ value: 'a@b.c', type: 'work', display: 'A' }] }, { ...ADA, emails: [{ ...ADA.emails[0], display: 'A' }] }],
    ['an address that is there, and nothing new', { op: 'add', path: 'emails', value: ADA.emails }, ADA],
    ['null for a whole extension', { op: 'replace', value: { [ENTERPRISE]: null } }, ADA],
    ['values to remove, named by themselves', { op: 'remove', path: 'emails', value: [{ value: 'a@b.c' }, { value: 'x@b.c' }] }, { userName: 'ada' }],
    ['an empty text', { op: 'replace', path: 'emails[type eq "work"].value', value: '' }, { ...ADA, emails: [{ type: 'work', primary: true }] }],
    ['names in any case', { op: 'REPLACE', value: { DISPLAYNAME: 'x', 'Name.GivenName': 'y' } }, { ...ADA, displayName: 'x', name: { givenName: 'y' } }],
    ['what is unknown, without a path', { op: 'add', value: { favouriteColour: 'blue' } }, ADA],
    ['its own id, repeated', { op: 'replace', value: { id: '7', meta: {}, groups: [], title: 'x' } }, { ...ADA, title: 'x' }],
  ])('takes %s', (_, operation, expected) => {
    expect(patched(ADA, operation)).toEqual(expected);
  }); // prettier-ignore

  it('refuses more values than all operations can go through in a moment', () => {
    const value = Array.from({ length: 501 }, (_, i) => ({ value: `${i}@b.c` }));
    expect(attempted(() => patched(ADA, { op: 'replace', path: 'emails', value }))).toBeUndefined();
    expect(patched(ADA, { op: 'replace', path: 'emails', value: value.slice(1) })['emails']).toHaveLength(500);
  });

  it('leaves the resource that it is given as it is', () => {
    const before = structuredClone(ADA);
    patched(ADA, { op: 'remove', path: 'emails' });
    expect(ADA).toEqual(before);
  });

  it('twice is the same as once, for add and replace of whole attributes', () => {
    const value = fc.oneof(fc.string(), fc.record({ givenName: fc.string() }, { noNullPrototype: true }));
    fc.assert(
      fc.property(fc.constantFrom('add', 'replace'), fc.constantFrom('title', 'name'), value, (op, path, value) => {
        const once = attempted(() => patched(ADA, { op, path, value }));
        expect(attempted(() => patched(once ?? ADA, { op, path, value }))).toEqual(once);
      }),
    );
  });

  it('reaches no object but the resource, and fails as the client’s fault', () => {
    const name = fc.constantFrom(
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'title',
      'emails',
      'name',
      ENTERPRISE,
    );
    const path = fc.array(name, { maxLength: 3 }).chain((names) => fc.constantFrom(names.join('.'), names.join(':'), `${names[0]}[value eq "x"].${names[1]}`)); // prettier-ignore
    const value = fc.oneof(fc.jsonValue(), fc.dictionary(name, fc.jsonValue())) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(
        fc.constantFrom('add', 'replace', 'remove'),
        fc.option(path, { nil: null }),
        value,
        (op, path, value) => {
          attempted(() => patched(ADA, { op, path, value }));
          expect(({} as Record<string, unknown>)['x']).toBeUndefined();
          expect(Object.keys(Object.prototype)).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

/** undefined: it was refused, as the client's fault. */
function attempted<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Problem && error.status === 400) return undefined;
    throw error;
  }
}
