import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePerson, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { Answer, HttpClient, Json } from './harness/http-client.ts';
import { ScimClient, scimToken } from './harness/scim.ts';
import { Stack } from './harness/stack.ts';

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

let stack: Stack;
let admin: HttpClient;
let scim: ScimClient;

beforeAll(async () => {
  stack = await Stack.start();
  admin = stack.admin;
  scim = new ScimClient(stack.client(0, await scimToken(admin)));
});
afterAll(() => stack.stop());

function expectScimError(answer: Answer<Json>, status: number, scimType?: string): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/scim\+json/);
  expect(answer.body).toMatchObject({ schemas: [ERROR], status: String(status) });
  expect(answer.body.scimType).toBe(scimType);
}

describe('a made user', () => {
  it('is answered with 201, Location, ETag and all that was written', async () => {
    const written = {
      schemas: [USER, ENTERPRISE],
      userName: uniqueName('Barbara.Jensen').replace(' ', '') + '@example.com',
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
    const { status, headers, body } = await scim.post('/Users', {
      ...written,
      password: 't1meMa$heen',
      id: 'x',
      groups: [],
    });
    expect(status).toBe(201);
    expect(headers.get('content-type')).toMatch(/^application\/scim\+json/);
    expect(headers.get('location')).toBe(body.meta.location);
    expect(headers.get('etag')).toBe(body.meta.version);
    expect(body.meta).toMatchObject({
      resourceType: 'User',
      location: `${stack.gateways[0]!.url}/scim/v2/Users/${body.id}`,
    });
    const { id: _, meta: __, ...shown } = body;
    expect(shown).toEqual(written);
    expect((await scim.get(`/Users/${body.id}`)).body).toEqual(body);
  });
});
