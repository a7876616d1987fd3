import type { INestApplication } from '@nestjs/common';
import { isScimPath } from '@portcullis/access-control';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { AcceptedChangeDto, ProblemDto } from '@portcullis/contracts';
import { DESCRIPTION, PARAMETERS, RESPONSE_HEADERS, SECURITY_SCHEMES, TAGS } from './document-parts.js';
import { completeOperation, type Operation } from './complete-operation.js';
import { operationAccess, operationIdOf } from './operation-access.js';
import { scimSchemas } from './scim-schemas.js';
import { shareExamples } from './shared-examples.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/**
 * Describes the HTTP API as OpenAPI 3.1: paths and schemas from the controllers and DTOs, who may call from what their routes declare,
 * summaries and requests from `operations`, answers and errors from what was seen of the real system.
 */
export function buildOpenApiDocument(app: INestApplication, version: string): OpenAPIObject {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Portcullis')
    .setDescription(DESCRIPTION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .setVersion(version)
    .addServer('/', 'The gateway that this document comes from')
    .build();
  const document = SwaggerModule.createDocument(app, description, {
    extraModels: [ProblemDto, AcceptedChangeDto],
    operationIdFactory: operationIdOf,
  });
  const access = operationAccess(app);
  // SCIM has the same operations once more, under its other address.
  const paths = Object.entries(document.paths).filter(([path]) => !isScimPath(path) || path.startsWith('/scim/'));
  for (const [path, item] of paths) {
    for (const method of METHODS) {
      if (item[method]) completeOperation(item[method] as Operation, { method, path, access });
    }
  }
  return shareExamples({
    ...document,
    tags: TAGS,
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      headers: RESPONSE_HEADERS as never,
      parameters: usedParameters(paths) as never,
      schemas: { ...closeRequests(document), ...(scimSchemas() as object) },
    },
  });
}

function usedParameters(paths: object): object {
  const text = JSON.stringify(paths);
  return Object.fromEntries(Object.entries(PARAMETERS).filter(([name]) => text.includes(`/parameters/${name}"`)));
}

/** A body with a field that isn't known is refused, so the schemas of bodies say so. */
function closeRequests({ paths, components }: OpenAPIObject): Record<string, object> {
  const bodies = new Set<string>();
  for (const item of Object.values(paths)) {
    for (const method of METHODS) {
      const body = item[method]?.requestBody;
      const schema = body && 'content' in body ? body.content['application/json']?.schema : undefined;
      if (schema && '$ref' in schema) bodies.add(schema.$ref.split('/').at(-1)!);
    }
  }
  const schemas = Object.entries(components?.schemas ?? {});
  return Object.fromEntries(
    schemas.map(([name, schema]) => [name, bodies.has(name) ? { ...schema, additionalProperties: false } : schema]),
  );
}
