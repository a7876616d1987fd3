import { ENTERPRISE_SCHEMA_ID, USER_SCHEMA_ID } from '../../scim/schema/user.schema.js';
import { GROUP_SCHEMA_ID } from '../../scim/schema/group.schema.js';
import type { DescribedOperation, ExampleRequest } from './described-operation.js';

/** A schema of `scim-schemas.ts`. */
export type ScimSchemaName = `Scim${string}`;

/** SCIM reads and writes JSON of its own, of which Nest knows nothing. */
export interface DescribedScimOperation extends DescribedOperation {
  body?: ScimSchemaName;
  answer?: ScimSchemaName;
  /** Which query parameters it takes. */
  query?: 'list' | 'selection';
  /** `ifNoneMatch` on reading, `ifMatch` on changing (RFC 7644 section 3.14). */
  condition?: 'ifNoneMatch' | 'ifMatch';
}

const MESSAGES = 'urn:ietf:params:scim:api:messages:2.0';
const example = (summary: string, value: object): ExampleRequest => ({ summary, value });
const patch = (summary: string, ...Operations: object[]): ExampleRequest =>
  example(summary, { schemas: [`${MESSAGES}:PatchOp`], Operations });

const PERSON = {
  schemas: [USER_SCHEMA_ID, ENTERPRISE_SCHEMA_ID],
  userName: 'ada@example.com',
  externalId: '00u1a2b3c4d5e6f7g8h9',
  name: { givenName: 'Ada', familyName: 'Lovelace' },
  displayName: 'Ada Lovelace',
  emails: [{ value: 'ada@example.com', type: 'work', primary: true }],
  active: true,
  [ENTERPRISE_SCHEMA_ID]: { department: 'Analytics' },
};
const GROUP = { schemas: [GROUP_SCHEMA_ID], displayName: 'Analysts', members: [{ value: '130' }] };
const search = (filter: string): ExampleRequest =>
  example('A filter', { schemas: [`${MESSAGES}:SearchRequest`], filter, startIndex: 1, count: 50 });

const user = { id: '130' };
const group = { id: '8' };
const list = { startIndex: 1, count: 50 };

const PEOPLE: Readonly<Record<string, DescribedScimOperation>> = {
  scimusers_find: {
    summary: 'Finds people (RFC 7644 section 3.4.2)',
    query: 'list',
    answer: 'ScimUserList',
    parameters: { ...list, filter: 'userName eq "ada@example.com"', sortBy: 'userName', sortOrder: 'ascending' },
  },
  scimusers_findByPost: {
    summary: 'Finds people, the query in the body (RFC 7644 section 3.4.3)',
    body: 'ScimSearchRequest',
    answer: 'ScimUserList',
    requests: { filter: search('emails.value ew "@example.com" and active eq true') },
  },
  scimusers_get: {
    summary: 'Shows a person (RFC 7644 section 3.4.1)',
    query: 'selection',
    condition: 'ifNoneMatch',
    answer: 'ScimUser',
    parameters: user,
  },
  scimusers_create: {
    summary: 'Makes a person (RFC 7644 section 3.3)',
    query: 'selection',
    body: 'ScimUser',
    answer: 'ScimUser',
    requests: { person: example('A person', PERSON) },
  },
  scimusers_replace: {
    summary: 'Replaces what SCIM shows of a person (RFC 7644 section 3.5.1)',
    description: 'What is left out is cleared, but for `active`, which stays.',
    query: 'selection',
    condition: 'ifMatch',
    body: 'ScimUser',
    answer: 'ScimUser',
    parameters: user,
    requests: { person: example('The same person with a title', { ...PERSON, title: 'Countess' }) },
  },
  scimusers_patch: {
    summary: 'Changes a person (RFC 7644 section 3.5.2)',
    query: 'selection',
    condition: 'ifMatch',
    body: 'ScimPatchRequest',
    answer: 'ScimUser',
    parameters: user,
    requests: {
      deactivate: patch('Shuts the person and all of their tokens out everywhere', {
        op: 'replace',
        path: 'active',
        value: false,
      }),
      reactivate: patch('Lets them in again', { op: 'replace', path: 'active', value: true }),
    },
  },
  scimusers_delete: {
    summary: 'Deletes a person and all of their tokens (RFC 7644 section 3.6)',
    condition: 'ifMatch',
    parameters: user,
  },
};

const GROUPS: Readonly<Record<string, DescribedScimOperation>> = {
  scimgroups_find: {
    summary: 'Finds groups (RFC 7644 section 3.4.2)',
    query: 'list',
    answer: 'ScimGroupList',
    parameters: { ...list, filter: 'displayName eq "Analysts"', excludedAttributes: 'members' },
  },
  scimgroups_findByPost: {
    summary: 'Finds groups, the query in the body (RFC 7644 section 3.4.3)',
    body: 'ScimSearchRequest',
    answer: 'ScimGroupList',
    requests: { filter: search('displayName sw "Ana"') },
  },
  scimgroups_get: {
    summary: 'Shows a group (RFC 7644 section 3.4.1)',
    query: 'selection',
    condition: 'ifNoneMatch',
    answer: 'ScimGroup',
    parameters: group,
  },
  scimgroups_create: {
    summary: 'Makes a group (RFC 7644 section 3.3)',
    description: 'A group is a team.',
    query: 'selection',
    body: 'ScimGroup',
    answer: 'ScimGroup',
    requests: { group: example('A group with a member', GROUP) },
  },
  scimgroups_replace: {
    summary: 'Replaces a group (RFC 7644 section 3.5.1)',
    description: 'What is left out is cleared, members too.',
    query: 'selection',
    condition: 'ifMatch',
    body: 'ScimGroup',
    answer: 'ScimGroup',
    parameters: group,
    requests: { group: example('The same group with an externalId', { ...GROUP, externalId: '00g1a2b3c4d5e6f7g8h9' }) },
  },
  scimgroups_patch: {
    summary: 'Changes a group, or who is in it (RFC 7644 section 3.5.2)',
    description: 'Answers 204, and 200 with the group where `attributes` ask for some.',
    query: 'selection',
    condition: 'ifMatch',
    body: 'ScimPatchRequest',
    answer: 'ScimGroup',
    parameters: group,
    requests: {
      remove: patch('Takes somebody out', { op: 'remove', path: 'members[value eq "130"]' }),
      add: patch('Puts somebody in', { op: 'add', path: 'members', value: [{ value: '130' }] }),
    },
  },
  scimgroups_delete: {
    summary: 'Deletes a group; its members lose what it gave them (RFC 7644 section 3.6)',
    condition: 'ifMatch',
    parameters: group,
  },
};

/** Below `/scim/v2`; `/api/scim/v2` is the same. */
export const SCIM: Readonly<Record<string, DescribedScimOperation>> = {
  ...PEOPLE,
  ...GROUPS,
  bulk_run: {
    summary: 'Makes many changes (RFC 7644 section 3.7)',
    description: 'Each is made for itself, and what fails is said of each. The answer waits once for all.',
    body: 'ScimBulkRequest',
    answer: 'ScimBulkResponse',
    requests: {
      make: example('A person, and a group with that person', {
        schemas: [`${MESSAGES}:BulkRequest`],
        failOnErrors: 1,
        Operations: [
          {
            method: 'POST',
            path: '/Users',
            bulkId: 'mary',
            data: { schemas: [USER_SCHEMA_ID], userName: 'mary@example.com' },
          },
          {
            method: 'POST',
            path: '/Groups',
            bulkId: 'astronomers',
            data: { schemas: [GROUP_SCHEMA_ID], displayName: 'Astronomers', members: [{ value: 'bulkId:mary' }] },
          },
        ],
      }),
    },
  },
  discovery_config: {
    summary: 'What this service provider can do (RFC 7643 section 5)',
    answer: 'ScimServiceProviderConfig',
  },
  discovery_resourceTypes: { summary: 'The types of resources (RFC 7643 section 6)', answer: 'ScimResourceTypeList' },
  discovery_resourceType: {
    summary: 'A type of resources',
    answer: 'ScimResourceType',
    parameters: { id: 'User' },
  },
  discovery_schemas: { summary: 'The schemas (RFC 7643 section 7)', answer: 'ScimSchemaList' },
  discovery_schema: {
    summary: 'A schema, by its URN',
    answer: 'ScimSchema',
    parameters: { id: GROUP_SCHEMA_ID },
  },
  scimroot_find: {
    summary: 'Finds people and groups (RFC 7644 section 3.4.2.1)',
    query: 'list',
    answer: 'ScimResourceList',
    parameters: { ...list, filter: 'externalId pr' },
  },
  scimroot_findByPost: {
    summary: 'Finds people and groups, the query in the body (RFC 7644 section 3.4.3)',
    body: 'ScimSearchRequest',
    answer: 'ScimResourceList',
    requests: { filter: search('meta.resourceType eq "User" and userName sw "ada"') },
  },
};
