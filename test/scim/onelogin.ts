import { ENTERPRISE, GROUP, patch, type Provider, USER } from './step.ts';

const USER_NAME = 'kelly.slater@example.org';

/** What the JSON template of the SCIM apps makes of a person: `active` is text, `id` is null. */
const person = (active: string): object => ({
  [ENTERPRISE]: { department: 'Surf', manager: { managerId: '5', displayName: 'Duke Kahanamoku' } },
  active,
  emails: [{ value: USER_NAME, type: 'work', primary: true }],
  meta: { resourceType: 'User' },
  name: { familyName: 'Slater', givenName: 'Kelly', formatted: 'Kelly Slater' },
  userName: USER_NAME,
  id: null,
  schemas: [USER, ENTERPRISE],
});

/** The calls of "Example API Flow"; the body of a person is that of the app's SCIM JSON template. */
export const ONELOGIN: Provider = {
  name: 'OneLogin',
  documentation: [
    'https://developers.onelogin.com/scim/implement-scim-api',
    'https://developers.onelogin.com/scim/create-app',
    'https://developers.onelogin.com/scim/define-user-schema',
  ],
  headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
  steps: [
    { what: 'test connection: a user that is known not to exist', method: 'GET', path: '/Users?filter=userName eq "idontexist"', status: 200, shows: { totalResults: 0, Resources: [] } }, // prettier-ignore
    { what: 'match by user name', method: 'GET', path: `/Users?filter=userName eq "${USER_NAME}"`, status: 200, shows: { totalResults: 0 } }, // prettier-ignore
    {
      what: 'create',
      method: 'POST',
      path: '/Users',
      body: person('true'),
      status: 201,
      shows: { userName: USER_NAME, active: true, [ENTERPRISE]: { department: 'Surf' } },
      saves: 'user',
    },
    { what: 'read', method: 'GET', path: '/Users/{user}', status: 200, shows: { id: '{user}' } },
    {
      what: 'update',
      method: 'PUT',
      path: '/Users/{user}',
      body: person('true'),
      status: 200,
      shows: { active: true },
    },
    {
      what: 'suspend',
      method: 'PUT',
      path: '/Users/{user}',
      body: person('false'),
      status: 200,
      shows: { active: false },
    },
    {
      what: 'reactivate',
      method: 'PUT',
      path: '/Users/{user}',
      body: person('true'),
      status: 200,
      shows: { active: true },
    },
    { what: 'refresh entitlements: the groups', method: 'GET', path: '/Groups', status: 200, shows: { startIndex: 1 } },
    {
      what: 'create a group',
      method: 'POST',
      path: '/Groups',
      body: { schemas: [GROUP], displayName: 'Surfers' },
      status: 201,
      shows: { displayName: 'Surfers' },
      saves: 'group',
    },
    {
      what: 'add a member',
      method: 'PATCH',
      path: '/Groups/{group}',
      body: patch({ op: 'add', path: 'members', value: [{ value: '{user}' }] }),
      status: 204,
    },
    {
      what: 'see the member',
      method: 'GET',
      path: '/Groups/{group}',
      status: 200,
      shows: { members: [{ value: '{user}' }] },
    },
    {
      what: 'remove a member',
      method: 'PATCH',
      path: '/Groups/{group}',
      body: patch({ op: 'remove', path: 'members[value eq "{user}"]' }),
      status: 204,
    },
    { what: 'list people', method: 'GET', path: '/Users', status: 200, shows: { startIndex: 1 } },
    { what: 'delete', method: 'DELETE', path: '/Users/{user}', status: 204 },
  ],
};
