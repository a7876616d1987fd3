import { SCIM_ERROR_SCHEMA } from '@portcullis/contracts';
import type { Attribute, AttributeType } from '../scim/schema/attribute.js';
import { GROUP_TYPE, type ResourceType, USER_TYPE } from '../scim/schema/resource-type.js';

type Schema = Record<string, unknown>;

const MESSAGES = 'urn:ietf:params:scim:api:messages:2.0';
const TYPES: Readonly<Record<AttributeType, Schema>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  dateTime: { type: 'string', format: 'date-time' },
  reference: { type: 'string' },
  binary: { type: 'string', contentEncoding: 'base64' },
  complex: { type: 'object' },
};

const text = { type: 'string' };
const flag = { type: 'boolean' };
const count = { type: 'integer', minimum: 0 };
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const arrayOf = (items: Schema): Schema => ({ type: 'array', items });
const record = (properties: Record<string, Schema>, required: readonly string[] = []): Schema => ({
  type: 'object',
  ...(required.length > 0 && { required }),
  properties,
});
/** A message of SCIM's own: it says by `schemas` which one it is. */
const message = (urn: string, properties: Record<string, Schema>, required: readonly string[] = []): Schema =>
  record({ schemas: arrayOf({ const: urn }), ...properties }, ['schemas', ...required]);

/** The schemas of what SCIM takes and answers; those of its resources are made of what the code itself goes by. */
export function scimSchemas(): Record<string, Schema> {
  return {
    ScimUser: resourceSchema(USER_TYPE),
    ScimGroup: resourceSchema(GROUP_TYPE),
    ScimUserList: listOf(ref('ScimUser')),
    ScimGroupList: listOf(ref('ScimGroup')),
    ScimResourceList: listOf({ anyOf: [ref('ScimUser'), ref('ScimGroup')] }),
    ...MESSAGE_SCHEMAS,
    ...DISCOVERY_SCHEMAS,
    ScimResourceTypeList: listOf(ref('ScimResourceType')),
    ScimSchemaList: listOf(ref('ScimSchema')),
  };
}

function resourceSchema({ name, description, attributes, extensions }: ResourceType): Schema {
  const own = attributes.map((each) => [each.name, attributeSchema(each)] as const);
  const more = extensions.map(({ id, attributes: inner }) => [id, attributesSchema(inner)] as const);
  return {
    ...record(
      Object.fromEntries([...own, ...more]),
      attributes.filter((each) => each.required).map((each) => each.name),
    ),
    title: name,
    description,
  };
}

function attributesSchema(attributes: readonly Attribute[]): Schema {
  return record(Object.fromEntries(attributes.map((each) => [each.name, attributeSchema(each)])));
}

function attributeSchema({ name, type, multiValued, description, mutability, subAttributes }: Attribute): Schema {
  // Read-only as `schemas` is, every client sends it.
  const isReadOnly = mutability === 'readOnly' && name !== 'schemas';
  const one = subAttributes ? attributesSchema(subAttributes) : TYPES[type];
  const schema = multiValued ? arrayOf(one) : one;
  return { ...schema, description, ...(isReadOnly && { readOnly: true }) };
}

function listOf(items: Schema): Schema {
  const counts = { totalResults: count, startIndex: { type: 'integer', minimum: 1 }, itemsPerPage: count };
  const properties = { ...counts, Resources: arrayOf(items) };
  return message(`${MESSAGES}:ListResponse`, properties, Object.keys(properties));
}

const METHOD = { enum: ['POST', 'PUT', 'PATCH', 'DELETE'] };

/** RFC 7644. */
const MESSAGE_SCHEMAS: Readonly<Record<string, Schema>> = {
  ScimError: message(SCIM_ERROR_SCHEMA, { status: text, scimType: text, detail: text }, ['status', 'detail']),
  ScimSearchRequest: message(`${MESSAGES}:SearchRequest`, {
    filter: text,
    sortBy: text,
    sortOrder: { enum: ['ascending', 'descending'] },
    startIndex: { type: 'integer' },
    count: { type: 'integer' },
    attributes: arrayOf(text),
    excludedAttributes: arrayOf(text),
  }),
  ScimPatchRequest: message(
    `${MESSAGES}:PatchOp`,
    {
      Operations: {
        ...arrayOf(record({ op: { enum: ['add', 'remove', 'replace'] }, path: text, value: {} }, ['op'])),
        minItems: 1,
      },
    },
    ['Operations'],
  ),
  ScimBulkRequest: message(
    `${MESSAGES}:BulkRequest`,
    {
      failOnErrors: { type: 'integer', minimum: 1 },
      Operations: arrayOf(
        record(
          {
            method: METHOD,
            path: text,
            bulkId: text,
            version: text,
            data: { type: 'object', additionalProperties: true },
          },
          ['method', 'path'],
        ),
      ),
    },
    ['Operations'],
  ),
  ScimBulkResponse: message(
    `${MESSAGES}:BulkResponse`,
    {
      Operations: arrayOf(
        record(
          { method: METHOD, location: text, bulkId: text, version: text, status: text, response: ref('ScimError') },
          ['method', 'status'],
        ),
      ),
    },
    ['Operations'],
  ),
};

const CORE = 'urn:ietf:params:scim:schemas:core:2.0';
const meta = record({ resourceType: text, location: text });
const supported = record({ supported: flag }, ['supported']);

/** RFC 7643 sections 5 to 7. */
const DISCOVERY_SCHEMAS: Readonly<Record<string, Schema>> = {
  ScimServiceProviderConfig: message(`${CORE}:ServiceProviderConfig`, {
    patch: supported,
    bulk: record({ supported: flag, maxOperations: count, maxPayloadSize: count }),
    filter: record({ supported: flag, maxResults: count }),
    changePassword: supported,
    sort: supported,
    etag: supported,
    authenticationSchemes: arrayOf(record({ type: text, name: text, description: text, specUri: text, primary: flag })),
    meta,
  }),
  ScimResourceType: message(`${CORE}:ResourceType`, {
    id: text,
    name: text,
    endpoint: text,
    description: text,
    schema: text,
    schemaExtensions: arrayOf(record({ schema: text, required: flag })),
    meta,
  }),
  ScimSchema: message(`${CORE}:Schema`, {
    id: text,
    name: text,
    description: text,
    attributes: arrayOf(ref('ScimAttribute')),
    meta,
  }),
  ScimAttribute: record(
    {
      name: text,
      type: { enum: Object.keys(TYPES) },
      multiValued: flag,
      description: text,
      required: flag,
      caseExact: flag,
      mutability: text,
      returned: text,
      uniqueness: text,
      canonicalValues: arrayOf(text),
      referenceTypes: arrayOf(text),
      subAttributes: arrayOf(ref('ScimAttribute')),
    },
    ['name', 'type'],
  ),
};
