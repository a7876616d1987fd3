import { attribute, complex, type Schema } from './attribute.js';

export const GROUP_SCHEMA_ID = 'urn:ietf:params:scim:schemas:core:2.0:Group';

/** RFC 7643 section 4.2. A group is a team, and its members are people. */
export const GROUP_SCHEMA: Schema = {
  id: GROUP_SCHEMA_ID,
  name: 'Group',
  description: 'A team',
  attributes: [
    attribute('displayName', 'The name of the team, unique among all', { required: true, uniqueness: 'server' }),
    complex(
      'members',
      'The people in the team',
      [
        attribute('value', 'The id of the person', { mutability: 'immutable', caseExact: true }),
        attribute('$ref', 'The address of the person', {
          type: 'reference',
          mutability: 'immutable',
          caseExact: true,
          referenceTypes: ['User'],
        }),
        attribute('type', 'Always User: groups are not nested here', {
          mutability: 'immutable',
          canonicalValues: ['User'],
        }),
        attribute('display', 'The name of the person', { mutability: 'readOnly' }),
      ],
      { multiValued: true },
    ),
  ],
};
