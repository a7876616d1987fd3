import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePerson, makeServiceToken, makeServiceUser, uniqueName } from './harness/fixtures.ts';
import type { Answer, HttpClient, Json } from './harness/http-client.ts';
import { makePersonWithPassword } from './harness/people.ts';
import { signIn } from './harness/session-client.ts';
import { makePersonsToken, makeScimGroup, makeScimUser, ScimClient, scimToken } from './harness/scim.ts';
import { Stack } from './harness/stack.ts';

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

let stack: Stack;
let admin: HttpClient;
let scim: ScimClient;

beforeAll(async () => {
  stack = await Stack.start({
    tokenServiceEnv: { PORTCULLIS_SCIM_ROLE_GROUPS: 'Portcullis Admins=Admin, Writers=Editor' },
  });
  admin = stack.admin;
  scim = new ScimClient(stack.client(0, await scimToken(admin)));
});
afterAll(() => stack.stop());

async function query<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
  return (await stack.database.pool.query(text, values)).rows as Row[];
}

function idsOf({ body }: Answer<Json>): string[] {
  return body.Resources.map((resource: Json) => resource.id);
}

function valuesOf(values: Json[]): string[] {
  return values.map(({ value }) => value).toSorted();
}

async function roleOf(id: string): Promise<string> {
  return (await admin.get(`/api/users/${id}`)).body.role;
}

function workAndHome(value: string): object[] {
  return [
    { value, type: 'work', primary: true },
    { value: `home-${value}`, type: 'home' },
  ];
}

function expectScimError(answer: Answer<Json>, status: number, scimType?: string): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/scim\+json/);
  expect(answer.body).toMatchObject({ schemas: [ERROR], status: String(status), detail: expect.any(String) });
  expect(answer.body.scimType).toBe(scimType);
}

describe('a made user', () => {
  it('is answered with 201, Location, ETag and all that was written', async () => {
    const written = {
      schemas: [USER, ENTERPRISE],
      userName: `${uniqueName('Barbara.Jensen').replace(' ', '')}@example.com`,
      externalId: uniqueName('ext'),
      name: { givenName: 'Barbara', familyName: 'Jensen', formatted: 'Ms. Barbara J Jensen, III' },
      displayName: 'Babs Jensen',
      title: 'Tour Guide',
      active: true,
      emails: [
        { value: 'bjensen@example.com', type: 'work', primary: true },
        { value: 'babs@jensen.org', type: 'home' },
      ],
      addresses: [{ type: 'work', formatted: '100 Universal City Plaza\nHollywood, CA 91608 USA', primary: true }],
      phoneNumbers: [{ value: '555-555-5555', type: 'work' }],
      [ENTERPRISE]: { employeeNumber: '701984', department: 'Tour Operations', manager: { value: '26' } },
    };
    const sent = { ...written, password: 't1meMa$heen', id: 'x', groups: [{ value: '1' }] };
    const { status, headers, body } = await scim.post('/Users', sent);
    expect(status).toBe(201);
    expect(headers.get('content-type')).toMatch(/^application\/scim\+json/);
    expect(headers.get('location')).toBe(body.meta.location);
    expect(headers.get('etag')).toBe(body.meta.version);
    const location = `${stack.gateways[0]!.url}/scim/v2/Users/${body.id}`;
    expect(body.meta).toMatchObject({ resourceType: 'User', location, version: expect.stringMatching(/^W\/".+"$/) });
    expect(new Date(body.meta.created).toISOString()).toBe(body.meta.created);
    expect(body.meta.lastModified).toBe(body.meta.created);
    const { id: _, meta: __, ...shown } = body;
    expect(shown).toEqual(written);
    expect((await scim.get(`/Users/${body.id}`)).body).toEqual(body);
    expect(await stack.direct(0, stack.adminToken).get(`/api/users/${body.id}`)).toMatchObject({
      body: { user_type: 'User', role: 'Member', name: 'Babs Jensen', email: 'bjensen@example.com', active: true },
    });
  });

  it('carries no receipt in its body, and one in a header', async () => {
    const answer = await scim.post('/Users', { userName: uniqueName('u') });
    expect(answer.body).not.toHaveProperty('receipt');
    expect(answer.headers.get('portcullis-receipt')).toContain('confirmed');
  });

  it('is refused where the user name is taken, in whatever case, and by a person made here too', async () => {
    const { userName } = await makeScimUser(scim);
    expectScimError(await scim.post('/Users', { userName: userName.toUpperCase() }), 409, 'uniqueness');
    const local = await makePerson(admin);
    expectScimError(await scim.post('/Users', { userName: local.user_name }), 409, 'uniqueness');
    expectScimError(await scim.post('/Users', { userName: 'x@service' }), 400, 'invalidValue');
    expectScimError(await scim.post('/Users', { displayName: 'Nobody' }), 400, 'invalidValue');
    expectScimError(await scim.post('/Users', { schemas: [GROUP], userName: 'x' }), 400, 'invalidSyntax');
  });

  it('answers 404 in SCIM form for ids that are not ours, services among them', async () => {
    const service = await makeServiceUser(admin);
    for (const id of ['999999', '0', 'abc', '1e3', '-1', '99999999999', service.id]) {
      for (const method of ['GET', 'DELETE', 'PUT', 'PATCH']) {
        const body = { PUT: { userName: 'x' }, PATCH: { Operations: [{ op: 'replace', value: { title: 'x' } }] } };
        expectScimError(await scim.call(method, `/Users/${id}`, body[method as 'PUT']), 404);
      }
    }
    expectScimError(await scim.get('/Nothing'), 404);
    expectScimError(await scim.get('/Users/1/x'), 404);
  });
});

describe('what someone is stored with', () => {
  it('is refused with a clear answer where the database could not hold it', async () => {
    const userName = uniqueName('u');
    const long = { value: randomBytes(4_000).toString('base64url') };
    const refused = [
      { emails: [{ value: 'a@b.c', primary: true }, long] },
      Object.fromEntries(['title', 'nickName', 'userType'].map((name) => [name, '漢'.repeat(8_000)])),
      { entitlements: Array.from({ length: 501 }, (_, i) => ({ value: String(i) })) },
      { [ENTERPRISE]: 'Sales' },
    ];
    const scimTypes = ['invalidValue', 'invalidValue', 'tooMany', 'invalidValue'];
    for (const [i, fields] of refused.entries()) {
      expectScimError(await scim.post('/Users', { userName, ...fields }), 400, scimTypes[i]);
    }
    await makeScimUser(scim, { userName, title: '漢'.repeat(8_000), emails: [{ value: 'a@b.c' }] });
  });

  it('has a name and an address, though what a directory joined them from was empty', async () => {
    const fields = { name: { formatted: ' ', givenName: 'Ada' }, emails: [{ type: 'work', primary: true }, { value: 'a@b.c' }] }; // prettier-ignore
    const { id } = await makeScimUser(scim, fields);
    expect((await admin.get(`/api/users/${id}`)).body).toMatchObject({ name: 'Ada', email: 'a@b.c' });
  });
});

describe('PUT', () => {
  it('clears what is left out, ignores what is read-only and lets nobody in who was shut out', async () => {
    const user = await makeScimUser(scim, { title: 'x', name: { givenName: 'A' }, externalId: 'e1', active: false });
    const { status, body } = await scim.put(`/Users/${user.id}`, {
      schemas: [USER],
      id: '777',
      meta: { resourceType: 'x' },
      groups: [{ value: '1' }],
      userName: user.userName,
      nickName: 'Al',
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      schemas: [USER],
      id: user.id,
      userName: user.userName,
      nickName: 'Al',
      active: false,
      meta: expect.objectContaining({ resourceType: 'User' }),
    });
    expectScimError(await scim.put(`/Users/${user.id}`, { nickName: 'x' }), 400, 'invalidValue');
  });

  it('takes an empty text, null and an empty list for nothing', async () => {
    const user = await makeScimUser(scim, { title: 'x', nickName: 'y', emails: [{ value: 'a@b.c' }] });
    const cleared = { userName: user.userName, title: '', nickName: null, emails: [], name: { givenName: '' } };
    const { body } = await scim.put(`/Users/${user.id}`, cleared);
    for (const name of ['title', 'nickName', 'emails', 'name']) expect(body).not.toHaveProperty(name);
  });
});

describe('versions', () => {
  it('If-Match with another version is 412, with this one goes on; If-None-Match with this one is 304', async () => {
    const user = await makeScimUser(scim);
    const { version } = user.meta;
    const changed = await scim.patch(`/Users/${user.id}`, [{ op: 'add', path: 'title', value: 'x' }], {
      'If-Match': version,
    });
    expect(changed.status).toBe(200);
    expect(changed.body.meta.version).not.toBe(version);
    expect(Date.parse(changed.body.meta.lastModified)).toBeGreaterThan(Date.parse(changed.body.meta.created));
    expectScimError(await scim.put(`/Users/${user.id}`, { userName: 'x' }, { 'If-Match': version }), 412);
    expectScimError(await scim.delete(`/Users/${user.id}`, { 'If-Match': version }), 412);
    const same = await scim.get(`/Users/${user.id}`, { 'If-None-Match': `"other", ${changed.body.meta.version}` });
    expect(same).toMatchObject({ status: 304, text: '' });
    expect((await scim.get(`/Users/${user.id}`, { 'If-None-Match': version })).status).toBe(200);
  });

  it('a group has another one when a member comes or goes', async () => {
    const [group, user] = [await makeScimGroup(scim), await makeScimUser(scim)];
    const etag = async (): Promise<string | null> => (await scim.get(`/Groups/${group.id}`)).headers.get('etag');
    const before = await etag();
    await scim.patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: [{ value: user.id }] }]);
    const with1 = await etag();
    await scim.patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: [{ value: user.id }] }]);
    expect(await etag()).toBe(with1);
    await scim.delete(`/Users/${user.id}`);
    expect(new Set([before, with1, await etag()]).size).toBe(3);
  });
});

describe('a list', () => {
  it('finds by filters of the whole grammar', async () => {
    const tag = uniqueName('f').replace(' ', '');
    const a = await makeScimUser(scim, {
      userName: `${tag}-Alpha`,
      title: 'Engineer',
      emails: workAndHome(`${tag}a@x.org`),
      name: { familyName: `${tag}O'Brien` },
      [ENTERPRISE]: { department: tag, manager: { value: '9' } },
    });
    const b = await makeScimUser(scim, {
      userName: `${tag}-beta`,
      active: false,
      nickName: 'B\\"',
      externalId: `${tag}B`,
    });
    const found = async (filter: string): Promise<string[]> => {
      const answer = await scim.find('/Users', filter);
      expect(answer.status, `${filter}: ${answer.text}`).toBe(200);
      expect(answer.body).toMatchObject({ schemas: [LIST], itemsPerPage: answer.body.totalResults, startIndex: 1 });
      return answer.body.Resources.map((user: Json) => user.id).toSorted();
    };
    const both = [a.id, b.id].toSorted();
    const cases: [string, string[]][] = [
      [`userName eq "${tag}-ALPHA"`, [a.id]],
      [`USERNAME Eq "${tag}-alpha"`, [a.id]],
      [`${USER}:userName eq "${tag}-alpha"`, [a.id]],
      [`userName sw "${tag}-"`, both],
      [`userName co "${tag.toUpperCase()}"`, both],
      [`userName ew "-beta" and userName sw "${tag}"`, [b.id]],
      [`userName sw "${tag}" and active eq false`, [b.id]],
      [`userName sw "${tag}" and active eq "True"`, [a.id]],
      [`userName sw "${tag}" and not (title pr)`, [b.id]],
      [`userName sw "${tag}" and title ne "engineer"`, [b.id]],
      [`userName sw "${tag}" and title eq null`, [b.id]],
      [`userName sw "${tag}" and (title eq "ENGINEER" or nickName pr)`, both],
      [`name.familyName eq "${tag}o'brien"`, [a.id]],
      [`emails.value eq "${tag}A@x.org"`, [a.id]],
      [`emails eq "home-${tag}a@x.org"`, [a.id]],
      [`emails[type eq "work"].value eq "${tag}a@x.org"`, [a.id]],
      [`emails[type eq "work" and value eq "home-${tag}a@x.org"]`, []],
      [`emails[type eq "home"].value eq "${tag}a@x.org"`, []],
      [`emails[primary eq true and value sw "${tag}"]`, [a.id]],
      [`${ENTERPRISE}:department eq "${tag}" and ${ENTERPRISE}:manager.value eq "9"`, [a.id]],
      [`externalId eq "${tag}B"`, [b.id]],
      [`externalId eq "${tag}b"`, []],
      [`nickName eq "B\\\\\\"" and userName sw "${tag}"`, [b.id]],
      [`id eq "${a.id}"`, [a.id]],
      [`id eq "0${a.id}" or id eq "x"`, []],
      [`userName gt "${tag}-a" and userName lt "${tag}-b"`, [a.id]],
      [`userName ge "${tag}-beta" and userName le "${tag}-BETA"`, [b.id]],
      [`userName sw "${tag}" and meta.created gt "2020-01-01T00:00:00Z" and meta.resourceType eq "User"`, both],
      [`userName sw "${tag}" and meta.lastModified lt "2020-01-01T00:00:00Z"`, []],
      [`displayName eq "${tag}-alpha"`, []],
      [`userName eq "100%_\\\\"`, []],
    ];
    for (const [filter, expected] of cases) expect(await found(filter), filter).toEqual(expected.toSorted());
  });

  it.each([
    ['userName', 'invalidFilter'],
    ['userName eq', 'invalidFilter'],
    ['userName eq "x', 'invalidFilter'],
    ['userName xx "x"', 'invalidFilter'],
    ['nobody eq "x"', 'invalidFilter'],
    ['password eq "x"', 'invalidFilter'],
    ['name eq "x"', 'invalidFilter'],
    ['active gt true', 'invalidFilter'],
    ['active eq "maybe"', 'invalidFilter'],
    ['userName eq 5', 'invalidFilter'],
    ['meta.created gt "yesterday"', 'invalidFilter'],
    ['meta.created gt "2026-02-30T00:00:00Z"', 'invalidFilter'],
    ['meta.created gt "0000-01-01T00:00:00Z"', 'invalidFilter'],
    ['meta.lastModified gt "2026-01-01T00:00:00+16:00"', 'invalidFilter'],
    ['meta.location eq "x"', 'invalidFilter'],
    ['schemas eq "x"', 'invalidFilter'],
    ['emails[type eq "work"', 'invalidFilter'],
    ['emails[emails[type eq "x"]]', 'invalidFilter'],
    ['(((((((((((((((((userName pr)))))))))))))))))', 'invalidFilter'],
    ['userName eq "\\u0000"', 'invalidFilter'],
    ['__proto__ pr', 'invalidFilter'],
    ['constructor.name pr', 'invalidFilter'],
    [`userName eq "${'x'.repeat(5_000)}"`, 'invalidFilter'],
  ])('refuses the filter %s', async (filter, scimType) => {
    expectScimError(await scim.find('/Users', filter), 400, scimType);
  });

  it('is paged, and empty past its end', async () => {
    const tag = uniqueName('page').replace(' ', '');
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await makeScimUser(scim, { userName: `${tag}-${i}` })).id);
    const page = (query: string): Promise<Answer<Json>> =>
      scim.get(`/Users?filter=${encodeURIComponent(`userName sw "${tag}"`)}&${query}`);
    expect(idsOf(await page('startIndex=2&count=2'))).toEqual(ids.slice(1, 3));
    const past = await page('startIndex=6&count=2');
    expect(past.body).toEqual({ schemas: [LIST], totalResults: 5, startIndex: 6, itemsPerPage: 0, Resources: [] });
    expect((await page('count=0')).body).toMatchObject({ totalResults: 5, itemsPerPage: 0, Resources: [] });
    expect((await page('startIndex=-3&count=-1')).body).toMatchObject({ startIndex: 1, itemsPerPage: 0 });
    expect((await page('count=100000')).body.itemsPerPage).toBe(5);
    expect(idsOf(await page('sortBy=userName&sortOrder=descending'))).toEqual(ids.toReversed());
    expect(idsOf(await page('sortBy=emails.value'))).toHaveLength(5);
    expectScimError(await page('sortBy=name'), 400, 'invalidPath');
    expectScimError(await page('sortOrder=up'), 400, 'invalidValue');
    expectScimError(await page('startIndex=x'), 400, 'invalidValue');
  });

  it('shows the attributes that are asked for, and id and schemas always', async () => {
    const user = await makeScimUser(scim, {
      name: { givenName: 'A', familyName: 'B' },
      emails: [{ value: 'a@b.c', type: 'work' }],
      [ENTERPRISE]: { department: 'D', division: 'E' },
    });
    const shown = async (query: string): Promise<Json> => (await scim.get(`/Users/${user.id}?${query}`)).body;
    const { id, schemas, userName } = user;
    expect(await shown('attributes=userName,NAME.givenname')).toEqual({
      id,
      schemas,
      userName,
      name: { givenName: 'A' },
    });
    expect(await shown(`attributes=emails.value,${ENTERPRISE}:department`)).toEqual({
      id,
      schemas,
      emails: [{ value: 'a@b.c' }],
      [ENTERPRISE]: { department: 'D' },
    });
    expect(await shown('attributes=nothing')).toEqual({ id, schemas });
    expect(await shown('attributes=name.middleName,emails.display')).toEqual({ id, schemas });
    const tooMany = await scim.get(`/Users/${id}?attributes=${'userName,'.repeat(101)}`);
    expectScimError(tooMany, 400, 'invalidValue');
    const without = await shown(`excludedAttributes=id,schemas,name.givenName,emails,${ENTERPRISE}`);
    expect(without).toMatchObject({ id, schemas, userName, name: { familyName: 'B' } });
    expect(without).not.toHaveProperty('emails');
    expect(without).not.toHaveProperty([ENTERPRISE]);
    const made = await scim.post('/Users?attributes=userName', { userName: uniqueName('u'), title: 'x' });
    expect(Object.keys(made.body).toSorted()).toEqual(['id', 'schemas', 'userName']);
    expect(made.headers.get('location')).toContain(`/Users/${made.body.id}`);
  });

  it('is found by POST to .search, over people, groups, or both at once', async () => {
    const name = uniqueName('both').replace(' ', '');
    const user = await makeScimUser(scim, { userName: name, displayName: name });
    const group = await makeScimGroup(scim, { displayName: `${name}s` });
    const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], count: 10 };
    const filter = `displayName sw "${name}"`;
    const people = await scim.post('/Users/.search', { ...search, filter, attributes: ['userName'] });
    expect(people).toMatchObject({
      status: 200,
      body: { totalResults: 1, Resources: [{ id: user.id, userName: name }] },
    });
    expect(idsOf(await scim.post('/Groups/.search', { ...search, filter }))).toEqual([group.id]);
    expect(idsOf(await scim.post('/.search', { ...search, filter }))).toEqual([user.id, group.id]);
    expect(idsOf(await scim.post('/.search', { ...search, filter, startIndex: 2, count: 1 }))).toEqual([group.id]);
    expect(
      idsOf(await scim.post('/.search', { filter: `userName eq "${name}" or members pr and displayName pr` })),
    ).toContain(user.id);
  });
});

describe('PATCH', () => {
  it('that changes nothing is 200, and leaves version, audit trail and events alone', async () => {
    const user = await makeScimUser(scim, { title: 'x' });
    const rows = (): Promise<unknown> => query('SELECT count(*) FROM audit WHERE target = $1', [`user/${user.id}`]);
    const before = await rows();
    const { status, body } = await scim.patch(`/Users/${user.id}`, [{ op: 'replace', path: 'title', value: 'x' }]);
    expect({ status, body }).toEqual({ status: 200, body: user });
    expect(await rows()).toEqual(before);
  });

  it('at once with others loses none of them', async () => {
    const [user, group] = [await makeScimUser(scim), await makeScimGroup(scim)];
    const people = await Promise.all(Array.from({ length: 8 }, () => makeScimUser(scim)));
    await Promise.all(
      people.flatMap(({ id }) => [
        scim.patch(`/Users/${user.id}`, [{ op: 'add', path: 'entitlements', value: [{ value: id }] }]),
        scim.patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: [{ value: id }] }]),
      ]),
    );
    const ids = people.map(({ id }) => id).toSorted();
    expect(valuesOf((await scim.get(`/Users/${user.id}`)).body.entitlements)).toEqual(ids);
    expect(valuesOf((await scim.get(`/Groups/${group.id}`)).body.members)).toEqual(ids);
  });

  it('says what is wrong with it', async () => {
    const user = await makeScimUser(scim, { emails: [{ value: 'a@b.c', type: 'work' }] });
    const cases: [operation: object, scimType: string][] = [
      [{ op: 'replace', path: 'emails[type eq "home"].value', value: 'x@y.z' }, 'noTarget'],
      [{ op: 'replace', path: 'emails[type eq "home"]', value: { value: 'x@y.z' } }, 'noTarget'],
      [{ op: 'remove' }, 'noTarget'],
      [{ op: 'replace', path: 'nothing', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: '__proto__.polluted', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: 'constructor.prototype.polluted', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: 'emails[type eq', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: 'emails[type eq]', value: 'x' }, 'invalidFilter'],
      [{ op: 'replace', path: 'userName[value eq "x"]', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: 'id', value: '5' }, 'mutability'],
      [{ op: 'replace', value: { id: '5' } }, 'mutability'],
      [{ op: 'add', path: 'groups', value: [{ value: '1' }] }, 'mutability'],
      [{ op: 'replace', path: 'meta.version', value: 'x' }, 'mutability'],
      [{ op: 'remove', path: 'userName' }, 'mutability'],
      [{ op: 'replace', path: 'userName', value: '' }, 'mutability'],
      [{ op: 'replace', path: 'active', value: 'perhaps' }, 'invalidValue'],
      [{ op: 'replace', path: 'title', value: { a: 1 } }, 'invalidValue'],
      [{ op: 'replace', path: 'title' }, 'invalidValue'],
      [{ op: 'replace', value: 'x' }, 'invalidValue'],
      [{ op: 'move', path: 'title', value: 'x' }, 'invalidSyntax'],
      [
        {
          op: 'add',
          path: 'emails',
          value: [
            { value: '1', primary: true },
            { value: '2', primary: true },
          ],
        },
        'invalidValue',
      ],
    ];
    for (const [operation, scimType] of cases) {
      expectScimError(await scim.patch(`/Users/${user.id}`, [operation]), 400, scimType);
    }
    expectScimError(await scim.patch(`/Users/${user.id}`, []), 400, 'invalidSyntax');
    expectScimError(
      await scim.call('PATCH', `/Users/${user.id}`, { schemas: [USER], Operations: [{}] }),
      400,
      'invalidSyntax',
    );
    expect((await scim.get(`/Users/${user.id}`)).body).toEqual(user);
  });

  it('renames a person, unless the name is taken', async () => {
    const [user, other] = [await makeScimUser(scim), await makeScimUser(scim)];
    const userName = uniqueName('renamed');
    const renamed = await scim.patch(`/Users/${user.id}`, [{ op: 'replace', path: 'userName', value: userName }]);
    expect(renamed.body.userName).toBe(userName);
    const taken = await scim.patch(`/Users/${user.id}`, [{ op: 'replace', path: 'userName', value: other.userName }]);
    expectScimError(taken, 409, 'uniqueness');
  });
});

describe('a group', () => {
  it('is a team, with the people in it', async () => {
    const [a, b] = [await makeScimUser(scim, { displayName: 'A' }), await makeScimUser(scim)];
    const displayName = uniqueName('Team');
    const { status, headers, body } = await scim.post('/Groups', {
      schemas: [GROUP],
      displayName,
      externalId: 'g-1',
      members: [{ value: a.id, display: 'ignored' }, { value: b.id }, { value: a.id }],
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(body.meta.location);
    expect(body).toMatchObject({ schemas: [GROUP], displayName, externalId: 'g-1', meta: { resourceType: 'Group' } });
    expect(body.meta.lastModified).toBe(body.meta.created);
    expect(body.members).toHaveLength(2);
    expect(body.members[0]).toEqual({ value: a.id, $ref: a.meta.location, display: 'A', type: 'User' });
    const shown = (await scim.get(`/Users/${a.id}`)).body;
    expect(shown.groups).toEqual([{ value: body.id, $ref: body.meta.location, display: displayName, type: 'direct' }]);
    expect((await admin.get(`/api/users/${a.id}`)).body.teams).toEqual(['Public', displayName]);

    expect((await scim.get(`/Groups/${body.id}?excludedAttributes=members`)).body).not.toHaveProperty('members');
    const ids = async (filter: string): Promise<string[]> =>
      (await scim.find('/Groups', filter)).body.Resources.map((group: Json) => group.id);
    expect(await ids(`displayName eq "${displayName.toUpperCase()}"`)).toEqual([body.id]);
    expect(await ids(`id eq "${body.id}" and members eq "${a.id}"`)).toEqual([body.id]);
    expect(await ids(`members[value eq "${a.id}" and display eq "a"]`)).toEqual([body.id]);
    expect((await scim.find('/Users', `groups.value eq "${body.id}"`)).body.totalResults).toBe(2);

    const put = await scim.put(`/Groups/${body.id}`, { displayName, members: [{ value: b.id }] });
    expect(put.body.members.map((member: Json) => member.value)).toEqual([b.id]);
    expect(put.body).not.toHaveProperty('externalId');
    expect((await scim.put(`/Groups/${body.id}`, { displayName })).body).not.toHaveProperty('members');
    expect((await scim.delete(`/Groups/${body.id}`)).status).toBe(204);
    expectScimError(await scim.get(`/Groups/${body.id}`), 404);
  });

  it('is refused with a taken name, with strangers in it, and with groups in it', async () => {
    const group = await makeScimGroup(scim);
    expectScimError(await scim.post('/Groups', { displayName: group.displayName.toUpperCase() }), 409, 'uniqueness');
    expectScimError(await scim.post('/Groups', { displayName: 'Public' }), 409, 'uniqueness');
    expectScimError(await scim.post('/Groups', {}), 400, 'invalidValue');
    const service = await makeServiceUser(admin);
    for (const value of ['999999', 'x', String(service.id)]) {
      const added = await scim.patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: [{ value }] }]);
      expectScimError(added, 400, 'invalidValue');
    }
    const nested = [{ op: 'add', path: 'members', value: [{ value: group.id, type: 'Group' }] }];
    expectScimError(await scim.patch(`/Groups/${group.id}`, nested), 400, 'invalidValue');
    const replaced = [{ op: 'replace', path: 'members[value eq "1"]', value: [] }];
    expectScimError(await scim.patch(`/Groups/${group.id}`, replaced), 400, 'noTarget');
    expect((await scim.find('/Groups', 'displayName eq "Public"')).body.totalResults).toBe(0);
  });

  it('loses one member among thousands by one row', async () => {
    const group = await makeScimGroup(scim);
    await query(
      `INSERT INTO users (user_id, user_name, email, name, user_type, role, scim_managed, scim_attributes)
       SELECT 'bulk-' || n, 'bulk-' || n, '', 'Bulk', 'User', 'Member', true, '{}' FROM generate_series(1, 3000) n`,
    );
    await query(`INSERT INTO team_members SELECT $1, id FROM users WHERE user_id LIKE 'bulk-%'`, [group.id]);
    const [{ id } = { id: 0 }] = await query<{ id: number }>(`SELECT id FROM users WHERE user_id = 'bulk-7'`);
    const before = await query<{ user_id: number }>('SELECT xmin::text, user_id FROM team_members ORDER BY user_id');
    const answer = await scim.patch(`/Groups/${group.id}`, [{ op: 'remove', path: `members[value eq "${id}"]` }]);
    expect(answer).toMatchObject({ status: 204, text: '' });
    const after = await query('SELECT xmin::text, user_id FROM team_members ORDER BY user_id');
    expect(after).toEqual(before.filter((row) => row.user_id !== id));
    const remove = (path: string, count: number): Promise<Answer<Json>> =>
      scim.patch(
        `/Groups/${group.id}`,
        Array.from({ length: count }, () => ({ op: 'remove', path })),
      );
    expect((await remove('members[value eq "no id of ours"]', 51)).status).toBe(204);
    expectScimError(await remove('members[display eq "Nobody"]', 51), 400, 'tooMany');
    const asked = await scim.call('PATCH', `/Groups/${group.id}?attributes=displayName`, {
      Operations: [{ op: 'add', path: 'members', value: [{ value: String(id) }] }],
    });
    expect(asked.body).toEqual({ schemas: [GROUP], id: group.id, displayName: group.displayName });
  });
});

describe('service users', () => {
  it('in a team stay there, and are not to be seen', async () => {
    const service = await makeServiceUser(admin);
    const { name } = (await admin.post('/api/teams', { name: uniqueName('mixed') })).body;
    await admin.put(`/api/users/${service.id}`, { teams: [name] });
    const { id } = (await scim.find('/Groups', `displayName eq "${name}"`)).body.Resources[0];
    const members = [{ value: String(service.id) }];
    const removed = await scim.patch(`/Groups/${id}`, [{ op: 'remove', path: 'members', value: members }]);
    expect(removed.status, removed.text).toBe(204);
    expect((await scim.put(`/Groups/${id}`, { displayName: name, members: [] })).status).toBe(200);
    expectScimError(await scim.patch(`/Groups/${id}`, [{ op: 'add', path: 'members', value: members }]), 400, 'invalidValue'); // prettier-ignore
    for (const filter of ['members pr', `members.value eq "${service.id}"`, `members co "${service.id}"`]) {
      expect((await scim.find('/Groups', `id eq "${id}" and ${filter}`)).body.totalResults, filter).toBe(0);
    }
    const refused = await scim.delete(`/Groups/${id}`);
    expectScimError(refused, 403);
    expect(refused.text).not.toContain(service.user_id);
    expect((await scim.find('/Users', `id eq "${service.id}"`)).body.totalResults).toBe(0);
    expect((await admin.get(`/api/users/${service.id}`)).body.teams).toEqual(['Public', name]);
  });
});

describe('roles', () => {
  it('come from the groups that the setting names, and go with them', async () => {
    const user = await makeScimUser(scim, { roles: [{ value: 'Admin', primary: true }] });
    expect(await roleOf(user.id)).toBe('Member');
    const members = [{ value: user.id }];
    const writers = await makeScimGroup(scim, { displayName: 'writers', members });
    expect(await roleOf(user.id)).toBe('Editor');
    const admins = await makeScimGroup(scim, { displayName: 'Portcullis Admins' });
    await scim.patch(`/Groups/${admins.id}`, [{ op: 'Add', path: 'members', value: members }]);
    expect(await roleOf(user.id)).toBe('Admin');
    await scim.patch(`/Groups/${admins.id}`, [{ op: 'replace', path: 'displayName', value: uniqueName('Others') }]);
    expect(await roleOf(user.id)).toBe('Editor');
    await scim.delete(`/Groups/${writers.id}`);
    expect(await roleOf(user.id)).toBe('Member');
  });

  it('another group, whatever its name, gives none', async () => {
    const user = await makeScimUser(scim);
    await makeScimGroup(scim, { displayName: uniqueName('Admin'), members: [{ value: user.id }] });
    expect(await roleOf(user.id)).toBe('Member');
  });
});

describe('people made here', () => {
  it('can be read, and not changed', async () => {
    const local = await makePerson(admin);
    const group = await makeScimGroup(scim);
    const read = await scim.get(`/Users/${local.id}`);
    expect(read.body).toMatchObject({
      userName: local.user_name,
      displayName: local.name,
      emails: [{ value: local.email, type: 'work', primary: true }],
    });
    expect((await scim.find('/Users', `emails.value eq "${local.email}"`)).body.totalResults).toBe(1);
    expectScimError(await scim.put(`/Users/${local.id}`, { userName: local.user_name }), 403);
    expectScimError(await scim.patch(`/Users/${local.id}`, [{ op: 'replace', path: 'active', value: false }]), 403);
    expectScimError(await scim.delete(`/Users/${local.id}`), 403);
    expectScimError(await scim.delete('/Users/1'), 403);
    const members = [{ value: String(local.id) }];
    expectScimError(await scim.patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: members }]), 403);
    const { name } = (await admin.post('/api/teams', { name: uniqueName('local') })).body;
    await admin.put(`/api/users/${local.id}`, { teams: [name] });
    const team = (await scim.find('/Groups', `displayName eq "${name}"`)).body.Resources[0];
    expectScimError(await scim.delete(`/Groups/${team.id}`), 403);
    expectScimError(await scim.put(`/Groups/${team.id}`, { displayName: name, members: [] }), 403);
    expectScimError(await scim.patch(`/Groups/${team.id}`, [{ op: 'replace', path: 'displayName', value: 'x' }]), 403);
    expect((await admin.get(`/api/users/${local.id}`)).body).toMatchObject({ active: true, teams: ['Public', name] });
  });
});

describe('deprovisioning', () => {
  it('shuts out the tokens at once, and reactivating lets those in that were active', async () => {
    const user = await makeScimUser(scim);
    const group = await makeScimGroup(scim, { displayName: 'Portcullis Admins', members: [{ value: user.id }] });
    const person = (await makePersonsToken(stack, user.id)).bearer_token;
    const status = async (): Promise<number> => (await stack.client(0, person).get('/api/datastores')).status;
    expect(await status()).toBe(200);
    const active = (value: unknown): Promise<Answer<Json>> =>
      scim.patch(`/Users/${user.id}`, [{ op: 'Replace', path: 'active', value }]);
    expect((await active('False')).body.active).toBe(false);
    expect(await status()).toBe(401);
    expect((await active('True')).body.active).toBe(true);
    expect(await status()).toBe(200);
    expect((await scim.delete(`/Users/${user.id}`)).status).toBe(204);
    expect(await status()).toBe(401);
    expectScimError(await scim.delete(`/Users/${user.id}`), 404);
    const events = await query<{ type: string; actor: string }>(
      `SELECT payload::jsonb ->> 'type' AS type, payload::jsonb #>> '{data,actor,token_id}' AS actor FROM outbox
       WHERE payload::jsonb #>> '{data,user,id}' = $1 OR payload::jsonb #>> '{data,token,user,id}' = $1 ORDER BY id`,
      [user.id],
    );
    const types = events.filter(({ actor }) => actor === 'scim').map((e) => e.type);
    expect(types).toEqual([
      'UserCreated',
      'UserUpdated',
      'UserDeactivated',
      'UserReactivated',
      'TokenRevoked',
      'TokenDeleted',
      'UserDeleted',
    ]);
    await scim.delete(`/Groups/${group.id}`);
  });

  it('shuts out the tokens that someone makes in the same moment too', async () => {
    const user = await makeScimUser(scim);
    const password = randomBytes(12).toString('base64url');
    expect((await admin.put(`/api/users/${user.id}/password`, { password })).status).toBe(204);
    const session = await signIn(stack.client(0), user.userName, password);
    const make = (): Promise<Answer<Json>> =>
      session.post('/api/user-tokens', { name: uniqueName('t'), expires_in_days: 30 });
    const active = (value: boolean): Promise<Answer<Json>> =>
      scim.patch(`/Users/${user.id}`, [{ op: 'replace', path: 'active', value }]);
    const first = await make();
    const [off, ...others] = await Promise.all([active(false), ...Array.from({ length: 8 }, make)]);
    expect(off.status).toBe(200);
    expect([201, 401]).toEqual(expect.arrayContaining(others.map(({ status }) => status)));
    const tokens = [first, ...others].flatMap(({ status, body }) => (status === 201 ? [body.bearer_token] : []));
    const statuses = (): Promise<number[]> =>
      Promise.all(tokens.map(async (token) => (await stack.client(0, token).get('/api/datastores')).status));
    expect(await statuses()).toEqual(tokens.map(() => 401));
    await active(true);
    expect(await statuses()).toEqual(tokens.map(() => 200));
  });

  it('stands in the audit trail as scim, with the one who holds the token', async () => {
    const user = await makeScimUser(scim);
    await scim.patch(`/Users/${user.id}`, [{ op: 'replace', path: 'title', value: 'x' }]);
    await scim.delete(`/Users/${user.id}`);
    const rows = await query(
      'SELECT action, actor_credential, actor_user_id FROM audit WHERE target = $1 ORDER BY id',
      [`user/${user.id}`],
    );
    expect(rows).toEqual(
      ['user.created', 'user.updated', 'user.deleted'].map((action) => ({
        action,
        actor_credential: 'scim',
        actor_user_id: expect.stringMatching(/@service$/),
      })),
    );
  });
});

describe('discovery', () => {
  it('says what is supported, and refuses filters', async () => {
    const config = (await scim.get('/ServiceProviderConfig')).body;
    expect(config).toMatchObject({
      patch: { supported: true },
      bulk: { supported: true, maxOperations: 500, maxPayloadSize: 262_144 },
      filter: { supported: true, maxResults: 200 },
      etag: { supported: true },
      sort: { supported: true },
      changePassword: { supported: false },
    });
    const types = (await scim.get('/ResourceTypes')).body;
    expect(types).toMatchObject({ schemas: [LIST], totalResults: 2, itemsPerPage: 2 });
    const schemas = (await scim.get('/Schemas')).body;
    expect(schemas.Resources.map((schema: Json) => schema.id)).toEqual([USER, ENTERPRISE, GROUP]);
    for (const { meta } of [...types.Resources, ...schemas.Resources, config]) {
      const { status, body } = await scim.get(meta.location.split('/scim/v2')[1]);
      expect({ status, meta: body.meta }).toEqual({ status: 200, meta });
    }
    for (const path of ['/ServiceProviderConfig', '/ResourceTypes', '/Schemas']) {
      expectScimError(await scim.get(`${path}?filter=id%20eq%20%22x%22`), 403);
    }
    expectScimError(await scim.get('/Schemas/urn:x'), 404);
    expectScimError(await scim.get('/ResourceTypes/x'), 404);
  });

  it('has no /Me, and says so', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
      expectScimError(await scim.call(method, '/Me'), 501);
  });
});

describe('the door', () => {
  it('answers in SCIM form, at the gateway and at the token-service', async () => {
    for (const client of [stack.client(0), stack.direct(0)]) {
      expectScimError(await client.get('/scim/v2/Users'), 401);
      expectScimError(await client.get('/scim/v2/Users', { token: 'junk' }), 401);
    }
    const member = await makeServiceToken(admin, { role: 'Manager' });
    for (const client of [stack.client(0, member.bearer_token), stack.direct(0, member.bearer_token)]) {
      expectScimError(await client.get('/api/scim/v2/Users'), 403);
    }
    expectScimError(await scim.get('/Users/a%2Fb'), 400);
    expectScimError(await scim.get('/Users/%zz'), 400);
    expectScimError(await scim.post('/Users', '{"userName": '), 400, 'invalidSyntax');
    expectScimError(await scim.post('/Users', '[]'), 400, 'invalidSyntax');
    expectScimError(await scim.post('/Users', '{"userName":"x","__proto__":{"a":1}}'), 400, 'invalidSyntax');
    expectScimError(await scim.post('/Users', '{"userName":"x","name":{"constructor":{}}}'), 400, 'invalidSyntax');
    expectScimError(await scim.post('/Users', `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`), 400, 'invalidSyntax');
    expectScimError(await scim.post('/Users', { userName: 'x', title: 'x'.repeat(300_000) }), 413);
    expectScimError(await scim.post('/Users', 'x', { 'Content-Type': 'text/plain' }), 415);
    expectScimError(await scim.post('/Users', { userName: 'x', title: 'x'.repeat(9_000) }), 400, 'invalidValue');
  });

  it('a SCIM token opens SCIM at both addresses and nothing else; an Admin gets in, with plain JSON too', async () => {
    const other = new ScimClient(scim.http, '/api/scim/v2');
    const { body } = await other.post('/Users', { userName: uniqueName('u') }, { 'Content-Type': 'application/json' });
    expect(body.meta.location).toBe(`${stack.gateways[0]!.url}/api/scim/v2/Users/${body.id}`);
    for (const path of ['/api/users', '/api/datastores', '/api/audit']) {
      expect((await scim.http.get(path)).status).toBe(403);
    }
    expect((await new ScimClient(admin).get('/Users?count=1')).status).toBe(200);
  });

  it('waits for the barrier whatever the client prefers', async () => {
    const answer = await scim.post('/Users', { userName: uniqueName('u') }, { Prefer: 'respond-async' });
    expect(answer.status).toBe(201);
  });
});

describe('Bulk', () => {
  const REQUEST = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
  const bulk = (Operations: unknown[], more: object = {}): Promise<Answer<Json>> =>
    scim.post('/Bulk', { schemas: [REQUEST], Operations, ...more });

  it('makes what refers to each other, in an order that works', async () => {
    const [displayName, userName] = [uniqueName('bulk'), uniqueName('bulk')];
    const { status, body } = await bulk([
      { method: 'POST', path: '/Groups', bulkId: 'g', data: { displayName, members: [{ value: 'bulkId:u' }] } },
      { method: 'POST', path: '/Users', bulkId: 'u', data: { userName } },
      { method: 'PATCH', path: '/Users/bulkId:u', data: { Operations: [{ op: 'add', path: 'title', value: 'x' }] } },
      { method: 'DELETE', path: '/Users/999999' },
    ]);
    expect(status).toBe(200);
    expect(body.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:BulkResponse']);
    expect(body.Operations.map((each: Json) => [each.method, each.bulkId, each.status])).toEqual([
      ['POST', 'u', '201'],
      ['POST', 'g', '201'],
      ['PATCH', undefined, '200'],
      ['DELETE', undefined, '404'],
    ]);
    expect(body.Operations[3].response).toMatchObject({ schemas: [ERROR], status: '404' });
    const group = (await scim.find('/Groups', `displayName eq "${displayName}"`)).body.Resources[0];
    const user = (await scim.get(new URL(body.Operations[0].location).pathname.replace('/scim/v2', ''))).body;
    expect(user).toMatchObject({ userName, title: 'x' });
    expect(group.members[0].value).toBe(user.id);
  });

  it('stops after failOnErrors, refuses circles, and what is too much or no bulk request', async () => {
    const broken = { method: 'DELETE', path: '/Users/999999' };
    expect((await bulk([broken, broken, broken], { failOnErrors: 2 })).body.Operations).toHaveLength(2);
    const circle = await bulk([
      { method: 'POST', path: '/Groups', bulkId: 'a', data: { displayName: 'a', externalId: 'bulkId:b' } },
      { method: 'POST', path: '/Groups', bulkId: 'b', data: { displayName: 'b', externalId: 'bulkId:a' } },
      { method: 'POST', path: '/Users', bulkId: 'c', data: { userName: 'c', title: 'bulkId:nobody' } },
    ]);
    expect(circle.body.Operations.map((each: Json) => each.status).toSorted()).toEqual(['400', '409', '409']);
    expectScimError(await bulk(Array.from({ length: 501 }, () => broken)), 413);
    expectScimError(await scim.post('/Bulk', { Operations: [] }), 400, 'invalidSyntax');
    expectScimError(await bulk([{ method: 'GET', path: '/Users' }]), 400, 'invalidSyntax');
    expectScimError(await bulk([{ method: 'POST', path: '/Me', bulkId: 'x', data: {} }]), 400, 'invalidPath');
    expectScimError(await bulk([{ method: 'POST', path: '/Users', data: {} }]), 400, 'invalidSyntax');
  });
});

describe('the last Admin', () => {
  it('stays, with PORTCULLIS_SCIM_ADOPT=true too', async () => {
    await stack.tokenServices[0]!.restart({ PORTCULLIS_SCIM_ADOPT: 'true' });
    const first = (await scim.get('/Users/1')).body;
    expectScimError(await scim.patch('/Users/1', [{ op: 'replace', path: 'active', value: false }]), 409);
    expectScimError(await scim.delete('/Users/1'), 409);
    const admins = await makeScimGroup(scim, { displayName: 'Portcullis Admins', members: [{ value: first.id }] });
    expectScimError(await scim.delete(`/Groups/${admins.id}`), 409);
    expect((await admin.get('/api/users/1')).body).toMatchObject({ role: 'Admin', active: true });
  });

  it('goes when another one comes in the same call, and not when both leave at once', async () => {
    const { user: other } = await makePersonWithPassword(admin);
    const admins = (await scim.find('/Groups', 'displayName eq "Portcullis Admins"')).body.Resources[0];
    const become = (...ids: unknown[]): Promise<Answer<Json>> =>
      scim.put(`/Groups/${admins.id}`, { ...admins, members: ids.map((value) => ({ value: String(value) })) });
    expect((await become(other.id)).status).toBe(200);
    expect((await become(1)).status).toBe(200);
    expect(await roleOf('1')).toBe('Admin');
    expect((await become(1, other.id)).status).toBe(200);
    const leave = (id: unknown): Promise<Answer<Json>> =>
      scim.patch(`/Groups/${admins.id}`, [{ op: 'remove', path: `members[value eq "${String(id)}"]` }]);
    const answers = await Promise.all([leave(1), leave(other.id)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 409]);
    await become(1);
    expect(await roleOf('1')).toBe('Admin');
  });

  it('whoever is adopted is changed, and keeps what the provider did not touch', async () => {
    const local = await makePerson(admin, { role: 'Editor' });
    const { status, body } = await scim.patch(`/Users/${local.id}`, [{ op: 'add', path: 'externalId', value: 'e-9' }]);
    expect(status).toBe(200);
    expect(body).toMatchObject({ externalId: 'e-9', displayName: local.name, emails: [{ value: local.email }] });
    expect((await admin.get(`/api/users/${local.id}`)).body).toEqual({ ...local });
  });
});
