import { API_BODY_BYTES_MAX } from '@portcullis/contracts';
import { BULK_OPERATIONS_MAX } from '../bulk/bulk-request.js';
import type { JsonObject } from '../protocol/json.js';
import { PAGE_SIZE_MAX } from '../protocol/list-query.js';
import type { Schema } from '../schema/attribute.js';
import { RESOURCE_TYPES, type ResourceType } from '../schema/resource-type.js';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0';

/** What this service provider can do (RFC 7643 section 5). */
export function serviceProviderConfig(base: string): JsonObject {
  return {
    schemas: [`${CORE}:ServiceProviderConfig`],
    patch: { supported: true },
    bulk: { supported: true, maxOperations: BULK_OPERATIONS_MAX, maxPayloadSize: API_BODY_BYTES_MAX },
    filter: { supported: true, maxResults: PAGE_SIZE_MAX },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A SCIM administration token of Portcullis, in the Authorization header (RFC 6750)',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}

/** RFC 7643 section 6. */
export function resourceTypeDocuments(base: string): JsonObject[] {
  return RESOURCE_TYPES.map((type) => resourceTypeDocument(type, base));
}

function resourceTypeDocument(
  { name, endpoint, description, schema, extensions }: ResourceType,
  base: string,
): JsonObject {
  return {
    schemas: [`${CORE}:ResourceType`],
    id: name,
    name,
    endpoint,
    description,
    schema: schema.id,
    schemaExtensions: extensions.map(({ id }) => ({ schema: id, required: false })),
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${name}` },
  };
}

/** RFC 7643 section 7. */
export function schemaDocuments(base: string): JsonObject[] {
  return RESOURCE_TYPES.flatMap(({ schema, extensions }) => [schema, ...extensions]).map((schema) =>
    schemaDocument(schema, base),
  );
}

function schemaDocument({ id, name, description, attributes }: Schema, base: string): JsonObject {
  return {
    schemas: [`${CORE}:Schema`],
    id,
    name,
    description,
    attributes: structuredClone(attributes) as unknown as JsonObject[],
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${id}` },
  };
}
