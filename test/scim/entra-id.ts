import { ENTERPRISE, GROUP, patch, type Provider, USER } from './step.ts';

const USER_NAME = 'Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1';
const EMAIL = 'Test_User_fd0ea19b-0777-472c-9f96-4f70d2226f2e@testuser.com';

/**
 * The requests of "SCIM protocol requests and responses" on the first page. The second one describes the older behaviour that
 * is still what a tenant gets without a flag: "False" as text, and a `remove` that names members in its value.
 */
export const ENTRA_ID: Provider = {
  name: 'Microsoft Entra ID',
  documentation: [
    'https://learn.microsoft.com/en-us/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups',
    'https://learn.microsoft.com/en-us/entra/identity/app-provisioning/application-provisioning-config-problem-scim-compatibility',
  ],
  headers: { 'Content-Type': 'application/scim+json; charset=utf-8', Accept: 'application/scim+json' },
  steps: [
    {
      what: 'test connection: a user that does not exist',
      method: 'GET',
      path: '/Users?filter=userName eq "non-existent user"',
      status: 200,
      shows: { totalResults: 0, Resources: [], startIndex: 1 },
    },
    { what: 'match by user name', method: 'GET', path: `/Users?filter=userName eq "${USER_NAME}"`, status: 200, shows: { totalResults: 0 } }, // prettier-ignore
    {
      what: 'create',
      method: 'POST',
      path: '/Users',
      body: {
        schemas: [USER, ENTERPRISE],
        externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
        userName: USER_NAME,
        active: true,
        emails: [{ primary: true, type: 'work', value: EMAIL }],
        meta: { resourceType: 'User' },
        name: { formatted: 'givenName familyName', familyName: 'familyName', givenName: 'givenName' },
        roles: [],
      },
      status: 201,
      shows: {
        externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
        userName: USER_NAME,
        active: true,
        name: { formatted: 'givenName familyName', familyName: 'familyName', givenName: 'givenName' },
        emails: [{ value: EMAIL, type: 'work', primary: true }],
      },
      saves: 'user',
    },
    { what: 'match again, in another case', method: 'GET', path: `/Users?filter=userName eq "${USER_NAME.toUpperCase()}"`, status: 200, shows: { totalResults: 1, Resources: [{ userName: USER_NAME }] } }, // prettier-ignore
    { what: 'match by work address', method: 'GET', path: `/Users?filter=emails[type eq "work"].value eq "${EMAIL}"`, status: 200, shows: { totalResults: 1 } }, // prettier-ignore
    { what: 'read', method: 'GET', path: '/Users/{user}', status: 200, shows: { userName: USER_NAME } },
    { what: 'read someone who is gone', method: 'GET', path: '/Users/5171a35d82074e068ce2', status: 404 },
    {
      what: 'update (multi-valued properties)',
      method: 'PATCH',
      path: '/Users/{user}',
      body: patch(
        { op: 'Replace', path: 'emails[type eq "work"].value', value: 'updatedEmail@microsoft.com' },
        { op: 'Replace', path: 'name.familyName', value: 'updatedFamilyName' },
      ),
      status: 200,
      shows: {
        name: { familyName: 'updatedFamilyName', givenName: 'givenName' },
        emails: [{ value: 'updatedEmail@microsoft.com', type: 'work', primary: true }],
      },
    },
    {
      what: 'update (single-valued properties)',
      method: 'PATCH',
      path: '/Users/{user}',
      body: patch({ op: 'Replace', path: 'userName', value: '5b50642d-79fc-4410-9e90-4c077cdd1a59@testuser.com' }),
      status: 200,
      shows: { userName: '5b50642d-79fc-4410-9e90-4c077cdd1a59@testuser.com' },
    },
    {
      what: 'add attributes, those of the extension and a manager by id alone',
      method: 'PATCH',
      path: '/Users/{user}',
      body: patch(
        { op: 'Add', path: `${ENTERPRISE}:department`, value: 'Research' },
        { op: 'Add', path: `${ENTERPRISE}:manager`, value: '{user}' },
        { op: 'Add', path: 'phoneNumbers[type eq "mobile"].value', value: '+1 555 0100' },
        { op: 'Add', path: 'title', value: 'Engineer' },
      ),
      status: 200,
      shows: {
        title: 'Engineer',
        phoneNumbers: [{ type: 'mobile', value: '+1 555 0100' }],
        [ENTERPRISE]: { department: 'Research', manager: { value: '{user}' } },
      },
    },
    {
      what: 'update without paths, whole paths as names',
      method: 'PATCH',
      path: '/Users/{user}',
      body: patch({
        op: 'replace',
        value: {
          displayName: 'New Name',
          'name.givenName': 'New',
          [`${ENTERPRISE}:department`]: 'Sales',
          'emails[type eq "work"].value': 'new@testuser.com',
        },
      }),
      status: 200,
      shows: { displayName: 'New Name', name: { givenName: 'New' }, [ENTERPRISE]: { department: 'Sales' } },
    },
    {
      what: 'deactivate, as a tenant without the flag does',
      method: 'PATCH',
      path: '/Users/{user}',
      body: patch({ op: 'Replace', path: 'active', value: 'False' }),
      status: 200,
      shows: { active: false },
    },
    {
      what: 'reactivate',
      method: 'PATCH',
      path: '/Users/{user}',
      body: patch({ op: 'Replace', path: 'active', value: 'True' }),
      status: 200,
      shows: { active: true },
    },
    {
      what: 'create a group, always empty',
      method: 'POST',
      path: '/Groups',
      body: {
        schemas: [GROUP, 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'],
        externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
        displayName: 'Entra group',
        meta: { resourceType: 'Group' },
      },
      status: 201,
      shows: { displayName: 'Entra group', externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159' },
      saves: 'group',
    },
    { what: 'read a group without members', method: 'GET', path: '/Groups/{group}?excludedAttributes=members', status: 200, shows: { displayName: 'Entra group' } }, // prettier-ignore
    { what: 'match a group by name', method: 'GET', path: '/Groups?excludedAttributes=members&filter=displayName eq "Entra group"', status: 200, shows: { totalResults: 1 } }, // prettier-ignore
    {
      what: 'rename a group',
      method: 'PATCH',
      path: '/Groups/{group}',
      body: patch({
        op: 'Replace',
        path: 'displayName',
        value: '1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName',
      }),
      status: 204,
    },
    {
      what: 'add a member',
      method: 'PATCH',
      path: '/Groups/{group}',
      body: patch({ op: 'Add', path: 'members', value: [{ $ref: null, value: '{user}' }] }),
      status: 204,
    },
    { what: 'ask whether someone is a member', method: 'GET', path: '/Groups?filter=id eq "{group}" and members eq "{user}"&attributes=id', status: 200, shows: { totalResults: 1, Resources: [{ id: '{group}' }] } }, // prettier-ignore
    {
      what: 'remove a member, named in the value',
      method: 'PATCH',
      path: '/Groups/{group}',
      body: patch({ op: 'Remove', path: 'members', value: [{ $ref: null, value: '{user}' }] }),
      status: 204,
    },
    { what: 'ask again', method: 'GET', path: '/Groups?filter=id eq "{group}" and members eq "{user}"&attributes=id', status: 200, shows: { totalResults: 0 } }, // prettier-ignore
    { what: 'delete a group', method: 'DELETE', path: '/Groups/{group}', status: 204 },
    {
      what: 'deactivate, as a tenant with the flag does',
      method: 'PATCH',
      path: '/Users/{user}',
      body: patch({ op: 'Replace', path: 'active', value: false }),
      status: 200,
      shows: { active: false },
    },
    { what: 'delete', method: 'DELETE', path: '/Users/{user}', status: 204 },
    { what: 'discover the schemas', method: 'GET', path: '/Schemas', status: 200, shows: { totalResults: 3 } },
  ],
};
