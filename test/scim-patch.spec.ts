import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from './harness/http-client.ts';
import { makeScimGroup, makeScimUser, ScimClient, scimToken } from './harness/scim.ts';
import { Stack } from './harness/stack.ts';
import { patchedPlainly, type PlainOperation } from './scim/plain-patch.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

let stack: Stack;
let scim: ScimClient;
beforeAll(async () => {
  stack = await Stack.start();
  scim = new ScimClient(stack.client(0, await scimToken(stack.admin)));
});
afterAll(() => stack.stop());

const text = fc.constantFrom('a', 'B', 'c', 'x y', 'Ω', '"q"', '\\', "o'", '');
const type = fc.constantFrom('work', 'home', 'other');
const email = fc.record({ value: fc.constantFrom('1@x.org', '2@x.org', '3@x.org'), type }, { noNullPrototype: true });
const name = fc.record({ givenName: text, familyName: text }, { requiredKeys: [], noNullPrototype: true });
const addOrReplace = fc.constantFrom('add', 'replace', 'Add', 'Replace');

const operation: fc.Arbitrary<PlainOperation> = fc.oneof(
  fc.record({ op: addOrReplace, path: fc.constantFrom('title', 'nickName', 'name.givenName'), value: text }),
  fc.record({ op: addOrReplace, path: fc.constant(`${ENTERPRISE}:department`), value: text }),
  fc.record({ op: addOrReplace, path: fc.constant('name'), value: name }),
  fc.record({ op: addOrReplace, path: fc.constant('emails'), value: fc.array(email, { maxLength: 3 }) }),
  fc.record({ op: fc.constant('replace'), path: type.map((t) => `emails[type eq "${t}"].value`), value: fc.constantFrom('4@x.org', '5@x.org') }), // prettier-ignore
  fc.record({ op: addOrReplace, value: fc.record({ title: text, name, nickName: text }, { requiredKeys: [], noNullPrototype: true }) }), // prettier-ignore
  fc.record({ op: fc.constantFrom('remove', 'Remove'), path: fc.constantFrom('title', 'name', 'name.familyName', 'emails', `${ENTERPRISE}:department`) }), // prettier-ignore
  fc.record({ op: fc.constant('remove'), path: type.map((t) => `emails[type eq "${t}"]`) }),
);

/** What a PATCH may change, without what follows from it. */
function contentOf(resource: Json): Json {
  const { schemas: _, id: __, meta: ___, groups: ____, ...content } = resource;
  return content;
}

function valuesOf(members: readonly Json[] = []): string[] {
  return members.map(({ value }) => value).toSorted();
}

describe('PATCH', () => {
  it('applied by us equals PATCH applied to the plain JSON', async () => {
    const user = await makeScimUser(scim);
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 4 }), async (operations) => {
        const before = contentOf((await scim.get(`/Users/${user.id}`)).body);
        const expected = patchedPlainly(before, operations);
        const answer = await scim.patch(`/Users/${user.id}`, operations);
        expect(answer.body.scimType ?? contentOf(answer.body), answer.text).toEqual(expected);
        const after = contentOf((await scim.get(`/Users/${user.id}`)).body);
        expect(after).toEqual(expected === 'noTarget' ? before : expected);
      }),
      { numRuns: 120 },
    );
  });

  it('of members equals PATCH applied to the plain list', async () => {
    const people = await Promise.all(Array.from({ length: 4 }, () => makeScimUser(scim)));
    const group = await makeScimGroup(scim);
    const member = fc.constantFrom(...people.map(({ id }: Json) => id as string));
    const values = fc.uniqueArray(member, { maxLength: 4 }).map((ids) => ids.map((value) => ({ value })));
    const change = fc.oneof(
      fc.record({ op: addOrReplace, path: fc.constant('members'), value: values }),
      fc.record({ op: fc.constant('add'), value: values.map((members) => ({ members })) }),
      fc.record({ op: fc.constant('Remove'), path: fc.constant('members'), value: values }),
      fc.record({ op: fc.constant('remove'), path: fc.constant('members') }),
      fc.record({ op: fc.constant('remove'), path: member.map((id) => `members[value eq "${id}"]`) }),
      fc.record({ op: fc.constant('remove'), path: member.map((id) => `members[not (value eq "${id}")]`) }),
    );
    const membersNow = async (): Promise<string[]> => valuesOf((await scim.get(`/Groups/${group.id}`)).body.members);
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (operations) => {
        const before = { members: (await membersNow()).map((value) => ({ value })) };
        const expected = patchedPlainly(before, operations as PlainOperation[]) as { members?: Json[] };
        const answer = await scim.patch(`/Groups/${group.id}`, operations);
        expect(answer.status, answer.text).toBe(204);
        expect(await membersNow()).toEqual(valuesOf(expected.members));
      }),
      { numRuns: 60 },
    );
  });
});

describe('whatever is sent', () => {
  const part = fc.constantFrom(
    'userName',
    'emails',
    'members',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'urn:ietf:params:scim',
    ENTERPRISE,
    '[',
    ']',
    '(',
    ')',
    '.',
    ':',
    ' ',
    '"',
    '\\',
    '$ref',
    'eq',
    'ne',
    'pr',
    'gt',
    'co',
    'and',
    'or',
    'not',
    'value',
    'type',
    '"x"',
    'true',
    'null',
    '5',
    '-1.5e9',
    '%',
    '\n',
    '\u0000',
    '\uD800',
    '😀',
    "'",
    ';--',
    'id',
    'meta.created',
    'groups',
  );
  const noise = fc.oneof(
    fc.array(part, { maxLength: 12 }).map((parts) => parts.join(' ')),
    fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );

  it('as a filter or to sort by is answered, and never with 500', async () => {
    await fc.assert(
      fc.asyncProperty(noise, fc.constantFrom('/Users', '/Groups', ''), async (filter, path) => {
        const search = await scim.post(`${path}/.search`, { filter, count: 1 });
        expect([200, 400], `${filter}: ${search.text}`).toContain(search.status);
        const sorted = await scim.post('/Users/.search', { sortBy: filter, count: 1 });
        expect([200, 400], `${filter}: ${sorted.text}`).toContain(sorted.status);
      }),
      { numRuns: 400 },
    );
  });

  it('as a path or value of a PATCH is answered, never with 500, and reaches nothing else', async () => {
    const [user, group] = [await makeScimUser(scim), await makeScimGroup(scim)];
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      noise,
      fc.constant([{ value: '1' }]),
      fc.constant({ '__proto__.x': 1 }),
    );
    const op = fc.constantFrom('add', 'replace', 'remove', 'REMOVE', 'x', 1);
    await fc.assert(
      fc.asyncProperty(op, noise, value, fc.boolean(), async (op, path, value, isUser) => {
        const target = isUser ? `/Users/${user.id}` : `/Groups/${group.id}`;
        const answer = await scim.patch(target, [{ op, ...(path.length % 3 > 0 && { path }), value }]);
        expect(answer.status, `${JSON.stringify({ op, path, value })}: ${answer.text}`).toBeLessThan(500);
      }),
      { numRuns: 400 },
    );
    expect((await scim.get(`/Users/${user.id}`)).body.id).toBe(user.id);
    expect((await stack.admin.get('/api/users/1')).body).toMatchObject({ user_name: 'admin', role: 'Admin' });
  });

  it('as a body is answered, and never with 500', async () => {
    const key = fc.constantFrom(
      'userName',
      'name',
      'emails',
      'active',
      'schemas',
      'members',
      'displayName',
      'externalId',
      'id',
      ENTERPRISE,
    );
    const body = fc.dictionary(key, fc.oneof(fc.jsonValue({ maxDepth: 3 }), noise), { maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom('/Users', '/Groups', '/Bulk'), async (body, path) => {
        const answer = await scim.post(path, body);
        expect(answer.status, `${JSON.stringify(body)}: ${answer.text}`).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });
});
