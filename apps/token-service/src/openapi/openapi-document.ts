import type { INestApplication } from '@nestjs/common';
import { isScimPath } from '@portcullis/access-control';
import { DocumentBuilder, getSchemaPath, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { CSRF_HEADER, PROBLEM_MEDIA_TYPE, ProblemDto, SCIM_MEDIA_TYPE, SESSION_COOKIE } from '@portcullis/contracts';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Response = Extract<NonNullable<Operation['responses']['default']>, { description: string; content?: unknown }>;
type Content = NonNullable<Response['content']>;

/** The gateway answers with it; below SCIM, in SCIM's form. */
const TOO_MANY_BAD_TOKENS = { $ref: '#/components/responses/TooManyBadTokens' };
const SCIM_TOO_MANY_BAD_TOKENS = { $ref: '#/components/responses/ScimTooManyBadTokens' };

const PROBLEM: Content = { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: getSchemaPath(ProblemDto) } } };
const SCIM_OBJECT: Content = { [SCIM_MEDIA_TYPE]: { schema: { type: 'object', additionalProperties: true } } };

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
  // SCIM has the same operations once more, under its other address.
  const paths = Object.entries(document.paths).filter(([path]) => !isScimPath(path) || path.startsWith('/scim/'));
  for (const [path, item] of paths) {
    const completing = isScimPath(path) ? completeScim : complete;
    for (const method of METHODS) if (item[method]) completing(item[method]);
  }
  const components = {
    ...document.components,
    responses: { TooManyBadTokens: tooManyBadTokens(PROBLEM), ScimTooManyBadTokens: tooManyBadTokens(SCIM_OBJECT) },
  };
  return { ...document, components, paths: Object.fromEntries(paths) };
}

/** What is true of every operation: where a token is taken, so is a session; and what goes wrong is a problem. */
function complete(operation: Operation): void {
  if (takesToken(operation)) {
    operation.security?.push({ cookie: [] });
    operation.responses['429'] = TOO_MANY_BAD_TOKENS;
  }
  operation.responses['default'] = { description: 'A problem (RFC 9457)', content: PROBLEM };
}

/** Below SCIM there are neither sessions nor problems. What its resources hold, `/scim/v2/Schemas` says. */
function completeScim(operation: Operation): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    if (status !== '204' && response && !('$ref' in response)) response.content ??= SCIM_OBJECT;
  }
  if (takesToken(operation)) operation.responses['429'] = SCIM_TOO_MANY_BAD_TOKENS;
  operation.responses['default'] = { description: 'An error (RFC 7644 section 3.12)', content: SCIM_OBJECT };
}

function takesToken({ security }: Operation): boolean {
  return security?.some((scheme) => 'bearer' in scheme) ?? false;
}

function tooManyBadTokens(content: Content): Response {
  const retryAfter = {
    description: 'Seconds until a bad token is looked at again',
    schema: { type: 'integer' as const },
  };
  return {
    description: 'Too many bad tokens from this address; a good one is let in',
    headers: { 'Retry-After': retryAfter },
    content,
  };
}
