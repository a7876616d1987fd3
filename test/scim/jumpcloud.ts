import { GROUP, patch, type Provider, USER } from './step.ts';

const USER_NAME = 'jumpcloud.test@example.org';
const PERSON = {
  schemas: [USER],
  userName: USER_NAME,
  name: { givenName: 'Jump', familyName: 'Cloud' },
  displayName: 'Jump Cloud',
  emails: [{ value: USER_NAME, type: 'work', primary: true }],
  active: true,
};

/**
 * Activating the connector makes a test user and a test group, changes and deletes them, and goes on with people and groups. The
 * page names these calls and the attributes, and shows no bodies: they are written in the RFC's form with the page's attributes.
 */
export const JUMPCLOUD: Provider = {
  name: 'JumpCloud',
  documentation: [
    'https://jumpcloud.com/support/provision-and-manage-users-and-groups-in-apps-using-custom-scim-identity-management-integration',
  ],
  headers: { 'Content-Type': 'application/json' },
  steps: [
    {
      what: 'test connection: list people',
      method: 'GET',
      path: '/Users?count=1&startIndex=1',
      status: 200,
      shows: { startIndex: 1 },
    },
    { what: 'match the test user', method: 'GET', path: `/Users?filter=userName eq "${USER_NAME}"`, status: 200, shows: { totalResults: 0 } }, // prettier-ignore
    { what: 'make the test user', method: 'POST', path: '/Users', body: PERSON, status: 201, shows: { userName: USER_NAME }, saves: 'user' }, // prettier-ignore
    {
      what: 'change the test user',
      method: 'PUT',
      path: '/Users/{user}',
      body: { ...PERSON, id: '{user}', displayName: 'Jump C. Cloud' },
      status: 200,
      shows: { displayName: 'Jump C. Cloud' },
    },
    {
      what: 'make the test group, the test user in it',
      method: 'POST',
      path: '/Groups',
      body: { schemas: [GROUP], displayName: 'JumpCloud test group', members: [{ value: '{user}' }] },
      status: 201,
      shows: { members: [{ value: '{user}' }] },
      saves: 'group',
    },
    {
      what: 'rename the test group',
      method: 'PATCH',
      path: '/Groups/{group}',
      body: patch({ op: 'replace', value: { displayName: 'JumpCloud test group 2' } }),
      status: 204,
    },
    {
      what: 'take the test user out',
      method: 'PATCH',
      path: '/Groups/{group}',
      body: patch({ op: 'remove', path: 'members', value: [{ value: '{user}' }] }),
      status: 204,
    },
    {
      what: 'and put them in again',
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
    { what: 'delete the test group', method: 'DELETE', path: '/Groups/{group}', status: 204 },
    {
      what: 'deactivate',
      method: 'PATCH',
      path: '/Users/{user}',
      body: patch({ op: 'replace', path: 'active', value: false }),
      status: 200,
      shows: { active: false },
    },
    { what: 'reactivate', method: 'PUT', path: '/Users/{user}', body: { ...PERSON, id: '{user}' }, status: 200, shows: { active: true } }, // prettier-ignore
    { what: 'delete the test user', method: 'DELETE', path: '/Users/{user}', status: 204 },
  ],
};
