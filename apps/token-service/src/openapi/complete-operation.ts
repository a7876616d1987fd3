import { STATUS_CODES } from 'node:http';
import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { errorFormFor, isScimPath, type RouteAccess } from '@portcullis/access-control';
import {
  AcceptedChangeDto,
  ID_MAX,
  type Problem,
  ProblemDto,
  SCIM_MEDIA_TYPE,
  USER_ID_MAX,
} from '@portcullis/contracts';
import { PARAMETERS, RESPONSE_HEADERS, SCIM_QUERIES } from './document-parts.js';
import { accessInWords, securityOf } from './operation-access.js';
import { OPERATIONS } from './operations/described-operations.js';
import { TOO_MANY_BAD_TOKENS, UNAVAILABLE } from './operations/rare-problems.js';
import type { DescribedScimOperation } from './operations/scim.js';
import { SEEN_ANSWERS, type SeenAnswer } from './seen-answers.js';

type Schema = Record<string, unknown>;
type Content = Record<string, { schema: Schema; examples?: Record<string, object> }>;
interface Parameter {
  name: string;
  in: string;
  schema: Schema;
  example?: unknown;
}

/** An operation as far as it is looked into here. */
export interface Operation extends Pick<
  NonNullable<OpenAPIObject['paths'][string]['get']>,
  'summary' | 'description' | 'security'
> {
  operationId: string;
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: { content: Content; required?: boolean };
  responses: Record<string, { description: string; headers?: object; content?: Content }>;
  'x-required-role'?: string;
}

interface Place {
  method: string;
  path: string;
  access: ReadonlyMap<string, RouteAccess>;
}

/** Adds to an operation what its decorators don't say. @throws Error for one that isn't described */
export function completeOperation(operation: Operation, { method, path, access }: Place): void {
  operation.operationId = operation.operationId.replace(/\[\d+\]$/, ''); // Nest numbers those with several paths
  const id = operation.operationId;
  const described = OPERATIONS[id];
  if (!described) throw new Error(`${id} is described nowhere: see openapi/operations`);
  const routeAccess = access.get(id);
  operation.summary = described.summary;
  operation.description = [described.description, accessInWords(routeAccess)].filter(Boolean).join('\n\n');
  const security = securityOf(routeAccess, method !== 'get');
  operation.security = path === '/api/session' && security.length === 0 ? [{ csrf: [] }] : security;
  if (routeAccess?.kind === 'role') operation['x-required-role'] = routeAccess.role;
  const seen = SEEN_ANSWERS[id] ?? {};
  operation.parameters = parametersOf(operation, described, path, seen);
  if (described.requests) operation.requestBody = requestBodyOf(operation, described);
  operation.responses = responsesOf(operation, described, path, seen);
}

/** The decorators know the types of path parameters as TypeScript does; these are the ones that are taken. */
const PATH_SCHEMAS: Readonly<Record<string, Schema>> = {
  id: { type: 'integer', minimum: 1, maximum: USER_ID_MAX },
  tokenId: { type: 'integer', minimum: 1, maximum: ID_MAX },
  seq: { type: 'integer', minimum: 1, maximum: ID_MAX },
  kid: { type: 'string', pattern: '^[0-9a-f]{16}$' },
};

function parametersOf(
  { parameters = [] }: Operation,
  { parameters: examples = {}, query, condition }: DescribedScimOperation,
  path: string,
  seen: Record<string, SeenAnswer>,
): NonNullable<Operation['parameters']> {
  const given = parameters.filter((each): each is Parameter => 'in' in each);
  const own = given.map((each): Parameter => {
    const name = each.name === 'id' && path.includes('/user-tokens/') ? 'tokenId' : each.name;
    const schema = each.in === 'path' && !isScimPath(path) ? PATH_SCHEMAS[name]! : each.schema;
    const { [each.name]: example } = examples;
    return { ...each, schema, ...(example !== undefined && { example }) };
  });
  const shared = [
    ...(query ? SCIM_QUERIES[query] : []),
    ...(condition ? [condition] : []),
    ...('202' in seen ? ['Prefer'] : []),
  ];
  return [...own, ...shared.map((name) => sharedParameter(name, examples[name]))];
}

/** A parameter of SCIM has an example of its own in each operation. */
function sharedParameter(name: string, example: unknown): Parameter | { $ref: string } {
  if (example === undefined) return { $ref: `#/components/parameters/${name}` };
  return { ...(PARAMETERS[name] as Parameter), example };
}

function requestBodyOf(
  { requestBody }: Operation,
  { requests, body }: DescribedScimOperation,
): NonNullable<Operation['requestBody']> {
  const examples = { ...requests };
  if (body)
    return {
      required: true,
      content: { [SCIM_MEDIA_TYPE]: { schema: { $ref: `#/components/schemas/${body}` }, examples } },
    };
  const schema = requestBody!.content['application/json']!.schema;
  return { required: true, content: { 'application/json': { schema, examples } } };
}

function responsesOf(
  operation: Operation,
  { answer, problems = [] }: DescribedScimOperation,
  path: string,
  seen: Record<string, SeenAnswer>,
): Operation['responses'] {
  const answers = structuredClone(seen);
  const always = takesToken(operation) ? [UNAVAILABLE, TOO_MANY_BAD_TOKENS] : [UNAVAILABLE];
  for (const problem of [...problems, ...always]) addProblem(answers, problem, path);
  const errorSchema = { $ref: isScimPath(path) ? '#/components/schemas/ScimError' : getSchemaPath(ProblemDto) };
  const schemaOf = (status: string, media: string): Schema => {
    if (Number(status) >= 400) return errorSchema;
    if (status === '202') return { $ref: getSchemaPath(AcceptedChangeDto) };
    if (answer) return { $ref: `#/components/schemas/${answer}` };
    return operation.responses[status]?.content?.[media]?.schema ?? { type: 'string' };
  };
  const responses = Object.entries(answers).map(([status, { headers, content }]) => [
    status,
    {
      description: STATUS_CODES[status] ?? status,
      headers: Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
      ...contentOf(content, (media) => schemaOf(status, media)),
    },
  ]);
  const others = { description: OTHERS, content: { [errorFormFor(path).mediaType]: { schema: errorSchema } } };
  return { ...Object.fromEntries(responses), default: others };
}

function takesToken({ security = [] }: Operation): boolean {
  return security.some((requirement) => 'bearer' in requirement || 'scim' in requirement);
}

const OTHERS =
  'Anything else that goes wrong: 408, 414, 431, 500 `internal_error`; and 502 or 504 where a gateway has no answer';

function contentOf(content: SeenAnswer['content'], schemaOf: (media: string) => Schema): { content?: Content } {
  const entries = Object.entries(content).map(([media, bodies]) => {
    const examples = Object.fromEntries(Object.entries(bodies).map(([name, value]) => [name, { value }]));
    return [media, { schema: schemaOf(media), examples }];
  });
  return entries.length > 0 ? { content: Object.fromEntries(entries) as Content } : {};
}

function addProblem(answers: Record<string, SeenAnswer>, problem: Problem, path: string): void {
  const form = errorFormFor(path);
  const answer = (answers[problem.status] ??= { headers: ['X-Request-Id'], content: {} });
  const headers = Object.keys(problem.extra.headers ?? {}).filter((name) => name in RESPONSE_HEADERS);
  answer.headers = [...new Set([...answer.headers, ...headers])];
  (answer.content[form.mediaType] ??= {})[problem.code] ??= JSON.parse(form.body(problem));
}
