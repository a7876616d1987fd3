import { type Attribute, attribute, complex, type Schema } from './attribute.js';
import { GROUP_SCHEMA } from './group.schema.js';
import { ENTERPRISE_SCHEMA, USER_SCHEMA } from './user.schema.js';

export interface ResourceType {
  readonly name: 'User' | 'Group';
  readonly endpoint: '/Users' | '/Groups';
  readonly description: string;
  readonly schema: Schema;
  readonly extensions: readonly Schema[];
  /** Of the core schema, and those that every resource has. */
  readonly attributes: readonly Attribute[];
}

const READ_ONLY = { mutability: 'readOnly', caseExact: true } as const;

/** RFC 7643 section 3.1. */
const COMMON: readonly Attribute[] = [
  attribute('schemas', 'Which schemas the resource has', { ...READ_ONLY, type: 'reference', multiValued: true, returned: 'always' }), // prettier-ignore
  attribute('id', 'What the resource is called here', { ...READ_ONLY, returned: 'always', uniqueness: 'server' }),
  attribute('externalId', 'What the resource is called at the identity provider', { caseExact: true }),
  complex(
    'meta',
    'About the resource',
    [
      attribute('resourceType', 'The type of the resource', READ_ONLY),
      attribute('created', 'When it was made', { ...READ_ONLY, type: 'dateTime' }),
      attribute('lastModified', 'When it was changed last', { ...READ_ONLY, type: 'dateTime' }),
      attribute('location', 'Where it is', { ...READ_ONLY, type: 'reference', referenceTypes: ['uri'] }),
      attribute('version', 'Its weak entity tag', READ_ONLY),
    ],
    { mutability: 'readOnly' },
  ),
];

export const USER_TYPE: ResourceType = {
  name: 'User',
  endpoint: '/Users',
  description: 'People',
  schema: USER_SCHEMA,
  extensions: [ENTERPRISE_SCHEMA],
  attributes: [...COMMON, ...USER_SCHEMA.attributes],
};

export const GROUP_TYPE: ResourceType = {
  name: 'Group',
  endpoint: '/Groups',
  description: 'Teams',
  schema: GROUP_SCHEMA,
  extensions: [],
  attributes: [...COMMON, ...GROUP_SCHEMA.attributes],
};

export const RESOURCE_TYPES: readonly ResourceType[] = [USER_TYPE, GROUP_TYPE];
