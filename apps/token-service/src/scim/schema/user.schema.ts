import { attribute, complex, plural, type Schema } from './attribute.js';

export const USER_SCHEMA_ID = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const ENTERPRISE_SCHEMA_ID = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const WORK_HOME_OTHER = ['work', 'home', 'other'];

/** RFC 7643 section 4.1, without `password`: a person's password is no identity provider's to set. */
export const USER_SCHEMA: Schema = {
  id: USER_SCHEMA_ID,
  name: 'User',
  description: 'A person',
  attributes: [
    attribute('userName', 'What the person is called, unique among all', { required: true, uniqueness: 'server' }),
    complex('name', "The parts of the person's name", [
      attribute('formatted', 'The whole name'),
      attribute('familyName', 'The family name'),
      attribute('givenName', 'The given name'),
      attribute('middleName', 'The middle names'),
      attribute('honorificPrefix', 'A title before the name'),
      attribute('honorificSuffix', 'What comes after the name'),
    ]),
    attribute('displayName', 'The name that people see'),
    attribute('nickName', 'What the person is called among friends'),
    attribute('profileUrl', 'A page about the person', { type: 'reference', referenceTypes: ['external'] }),
    attribute('title', 'The position in the organisation'),
    attribute('userType', 'How the person stands to the organisation'),
    attribute('preferredLanguage', 'The language to speak with the person'),
    attribute('locale', 'How to write dates and numbers for the person'),
    attribute('timezone', 'The time zone, as in the IANA data base'),
    attribute('active', 'Whether the person and their tokens may enter', { type: 'boolean' }),
    plural('emails', 'E-mail addresses', {}, WORK_HOME_OTHER),
    plural('phoneNumbers', 'Phone numbers', {}, ['work', 'home', 'mobile', 'fax', 'pager', 'other']),
    plural('ims', 'Instant messaging addresses', {}),
    plural('photos', 'Pictures', { type: 'reference', caseExact: true, referenceTypes: ['external'] }, [
      'photo',
      'thumbnail',
    ]),
    complex(
      'addresses',
      'Postal addresses',
      [
        attribute('formatted', 'The whole address'),
        attribute('streetAddress', 'Street and number'),
        attribute('locality', 'City'),
        attribute('region', 'State or region'),
        attribute('postalCode', 'Postal code'),
        attribute('country', 'Country'),
        attribute('type', 'What the address is for', { canonicalValues: WORK_HOME_OTHER }),
        attribute('primary', 'Whether this is the one to take first', { type: 'boolean' }),
      ],
      { multiValued: true },
    ),
    complex(
      'groups',
      'The groups that the person is in',
      [
        attribute('value', 'The id of the group', { mutability: 'readOnly', caseExact: true }),
        attribute('$ref', 'The address of the group', {
          type: 'reference',
          mutability: 'readOnly',
          caseExact: true,
          referenceTypes: ['Group'],
        }),
        attribute('display', 'The name of the group', { mutability: 'readOnly' }),
        attribute('type', 'How the person is in it', { mutability: 'readOnly', canonicalValues: ['direct'] }),
      ],
      { multiValued: true, mutability: 'readOnly' },
    ),
    plural('entitlements', 'What the person is entitled to elsewhere; kept, and without effect here', {}),
    plural('roles', 'What the person is elsewhere; kept, and without effect here: roles come from groups', {}),
    plural('x509Certificates', 'Certificates, as base64 of DER', { type: 'binary', caseExact: true }),
  ],
};

/** RFC 7643 section 4.3. */
export const ENTERPRISE_SCHEMA: Schema = {
  id: ENTERPRISE_SCHEMA_ID,
  name: 'EnterpriseUser',
  description: 'A person who belongs to an enterprise',
  attributes: [
    attribute('employeeNumber', 'The number of the person in the organisation'),
    attribute('costCenter', 'The cost centre'),
    attribute('organization', 'The organisation'),
    attribute('division', 'The division'),
    attribute('department', 'The department'),
    complex('manager', "The person's manager", [
      attribute('value', 'The id of the manager', { caseExact: true }),
      attribute('$ref', 'The address of the manager', { type: 'reference', caseExact: true, referenceTypes: ['User'] }),
      attribute('displayName', 'The name of the manager'),
    ]),
  ],
};
