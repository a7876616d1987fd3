import type { SeenAnswers } from '../../apps/token-service/src/openapi/seen-answers.ts';
import { schemaCheck, type SchemaCheck } from '../../scripts/api-documents/schema-check.ts';
import { type Answer, HttpClient, type Json } from './http-client.ts';
import { StableAnswers } from './stable-answer.ts';

interface Media {
  schema: object;
  examples?: Record<string, { value?: unknown; $ref?: string }>;
}

export interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; example?: unknown; schema?: { type?: string } }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { content?: Record<string, Media> }>;
  security: Record<string, unknown>[];
  'x-required-role'?: string;
}

interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { examples: Record<string, { value: unknown }>; schemas: Record<string, object> };
}

export interface ReplayOptions {
  /** Which example of the body; the first when absent. */
  example?: string;
  /** What the answer is kept as: the name of the example when absent, or the code of the problem. */
  name?: string;
  headers?: Record<string, string>;
  /** In the place of the examples, for what only this run knows. */
  given?: Record<string, unknown>;
  /** More of the query. */
  query?: Record<string, string>;
  body?: unknown;
  /** Straight to the token-service. */
  client?: HttpClient;
}

export interface DescribedOperation {
  method: string;
  path: string;
  operation: Operation;
}

/** Headers that say something of an answer; the others are the same everywhere, or nobody's business. */
const NOTED_HEADERS = [
  'X-Request-Id',
  'WWW-Authenticate',
  'Retry-After',
  'Portcullis-Receipt',
  'Preference-Applied',
  'Location',
  'ETag',
  'Set-Cookie',
  'Content-Disposition',
];

/** Sends the examples of an OpenAPI document to the real system, and keeps what it answers. */
export class ApiReplay {
  readonly operations: ReadonlyMap<string, DescribedOperation>;
  /** Without what differs from run to run. */
  readonly seen: SeenAnswers = {};
  /** Which examples of bodies were sent and taken: `users_create service`. */
  readonly replayed = new Set<string>();
  /** What of an answer was not as the document says. */
  readonly differences: string[] = [];
  readonly #document: OpenApi;
  readonly #client: HttpClient;
  readonly #check: SchemaCheck;
  readonly #stable: StableAnswers;

  constructor(document: OpenApi, client: HttpClient) {
    this.#document = document;
    this.#client = client;
    this.#check = schemaCheck(closed(document), '2020-12');
    this.#stable = new StableAnswers(client.url);
    const all = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
    this.operations = new Map(all.map((each) => [each.operation.operationId, each]));
  }

  /** Sends an example, and checks status, headers and body of the answer against the document. */
  async send(id: string, status: number, options: ReplayOptions = {}): Promise<Answer<Json>> {
    const described = this.operations.get(id)!;
    const { example, body, media } = bodyOf(described.operation, options);
    const headers = { ...(media !== undefined && { 'Content-Type': media }), ...options.headers };
    const client = options.client ?? this.#client;
    const answer = await client.call<Json>(described.method, targetOf(described, options), { headers, body });
    const what = `${id} ${example ?? ''}`.trim();
    if (answer.status !== status) throw new Error(`${what}: expected ${status}, got ${answer.status} ${answer.text}`);
    if (status < 400 && options.body === undefined) this.replayed.add(what);
    this.note(id, options.name ?? nameOf(answer, example), answer);
    return answer;
  }

  /** Keeps an answer, and says where it isn't as the document has it. */
  note(
    id: string,
    wanted: string,
    { status, headers, body, text }: Omit<Answer<Json>, 'body'> & { body?: Json },
  ): void {
    const media = headers.get('content-type')?.split(';')[0];
    const value = text === '' ? undefined : (body ?? text);
    const stable = this.#stable.stable(value);
    const kept = ((this.seen[id] ??= {})[status] ??= { headers: [], content: {} });
    const noted = NOTED_HEADERS.filter((header) => headers.has(header));
    kept.headers = NOTED_HEADERS.filter((header) => noted.includes(header) || kept.headers.includes(header));
    const bodies = media === undefined || value === undefined ? {} : (kept.content[media] ??= {});
    const name = nameFor(bodies, wanted, stable);
    bodies[name] = stable;
    this.#compare(`${id} ${status} ${name}`, this.operations.get(id)!, { status, media, value, name, stable });
  }

  #compare(
    what: string,
    { method, path, operation }: DescribedOperation,
    {
      status,
      media,
      value,
      name,
      stable,
    }: { status: number; media?: string | undefined; value: unknown; name: string; stable: unknown },
  ): void {
    const response = operation.responses[status];
    if (!response) return void this.differences.push(`${what}: the document doesn't have this status`);
    if (value === undefined || !media) return;
    const described = response.content?.[media];
    if (!described) return void this.differences.push(`${what}: the document doesn't have ${media}`);
    const pointer = ['', 'paths', path, method.toLowerCase(), 'responses', String(status), 'content', media, 'schema'];
    const errors = this.#check(`#${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`, value); // prettier-ignore
    this.differences.push(...errors.map((error) => `${what}: ${error}`));
    const example = this.#exampleOf(described, name);
    if (example === undefined) return void this.differences.push(`${what}: the document doesn't have this example`);
    const [now, then] = [JSON.stringify(stable), JSON.stringify(example)];
    if (now !== then) this.differences.push(`${what}: the document's example is ${then}, and the answer is ${now}`);
  }

  #exampleOf({ examples = {} }: Media, name: string): unknown {
    const example = examples[name];
    if (!example?.$ref) return example?.value;
    return this.#document.components.examples[example.$ref.split('/').at(-1)!]?.value;
  }
}

/** The same code may come with another detail: that is an example of its own. */
function nameFor(bodies: Record<string, unknown>, wanted: string, stable: unknown): string {
  let name = wanted;
  const isOther = (): boolean => name in bodies && JSON.stringify(bodies[name]) !== JSON.stringify(stable);
  for (let number = 2; isOther(); number++) name = `${wanted}_${number}`;
  return name;
}

/** A problem has a code, and an error of SCIM perhaps a `scimType`. */
function nameOf({ status, body }: Answer<Json>, example: string | undefined): string {
  if (status >= 400) return body?.code ?? body?.scimType ?? `status_${status}`;
  return example ?? 'answer';
}

function bodyOf(
  { requestBody }: Operation,
  { example: named, body: other, given = {} }: ReplayOptions,
): { example: string | undefined; body: unknown; media: string | undefined } {
  const [media, described] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const example = named ?? Object.keys(described?.examples ?? {})[0];
  if (other !== undefined) return { example, body: other, media };
  if (!described || example === undefined) return { example: undefined, body: undefined, media: undefined };
  const value = described.examples![example]!.value as Record<string, unknown>;
  const known = Object.keys(given).filter((name) => name in value);
  return { example, body: { ...value, ...Object.fromEntries(known.map((name) => [name, given[name]])) }, media };
}

function targetOf({ path, operation }: DescribedOperation, { given = {}, query = {} }: ReplayOptions): string {
  const values = Object.fromEntries(
    (operation.parameters ?? []).map(({ name, example }) => [name, given[name] ?? example]),
  );
  const target = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
  const inQuery = (operation.parameters ?? []).filter((each) => each.in === 'query' && values[each.name] !== undefined);
  const search = new URLSearchParams(inQuery.map(({ name }) => [name, String(values[name])]));
  for (const [name, value] of Object.entries(query)) search.set(name, value);
  return search.size > 0 ? `${target}?${search}` : target;
}

/** The same schemas, without room for members that they don't name: what isn't documented is found. */
function closed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(closed) as T;
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, closed(each)]));
  const isObjectSchema = copy['type'] === 'object' && typeof copy['properties'] === 'object';
  return (isObjectSchema ? { additionalProperties: false, ...copy } : copy) as T;
}
