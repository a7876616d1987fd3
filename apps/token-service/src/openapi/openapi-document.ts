import type { INestApplication } from '@nestjs/common';
import { isScimPath } from '@portcullis/access-control';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

/** Describes the HTTP API as OpenAPI 3.1, from the controllers and DTOs. */
export function buildOpenApiDocument(app: INestApplication, version: string): OpenAPIObject {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Portcullis')
    .setDescription('Issues API tokens, guards APIs with them, and shuts one off everywhere the moment it is revoked.')
    .setVersion(version)
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
    .build();
  const document = SwaggerModule.createDocument(app, description, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '').toLowerCase()}_${method}`,
  });
  // The same operations once more, under SCIM's other address.
  const paths = Object.entries(document.paths).filter(([path]) => !isScimPath(path) || path.startsWith('/scim/'));
  return { ...document, paths: Object.fromEntries(paths) };
}
