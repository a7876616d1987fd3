import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, getSchemaPath, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { CSRF_HEADER, PROBLEM_MEDIA_TYPE, ProblemDto, SESSION_COOKIE } from '@portcullis/contracts';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Describes the HTTP API as OpenAPI 3.1, from the controllers and DTOs. */
export function buildOpenApiDocument(app: INestApplication, version: string): OpenAPIObject {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Portcullis')
    .setDescription('Issues API tokens, guards APIs with them, and shuts one off everywhere the moment it is revoked.')
    .setVersion(version)
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
    .addCookieAuth(SESSION_COOKIE, {
      type: 'apiKey',
      in: 'cookie',
      description: `A signed-in session. What changes something needs the header ${CSRF_HEADER} too, with any value.`,
    })
    .build();
  const document = SwaggerModule.createDocument(app, description, {
    extraModels: [ProblemDto],
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '').toLowerCase()}_${method}`,
  });
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) if (path[method]) complete(path[method]);
  }
  return document;
}

/** What is true of every operation: where a token is taken, so is a session; and what goes wrong is a problem. */
function complete(operation: Operation): void {
  if (operation.security?.some((scheme) => 'bearer' in scheme)) operation.security.push({ cookie: [] });
  operation.responses['default'] = {
    description: 'A problem (RFC 9457)',
    content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: getSchemaPath(ProblemDto) } } },
  };
}
