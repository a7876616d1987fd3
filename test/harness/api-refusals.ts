import { CSRF_HEADER, LOCAL_SESSION_COOKIE } from '@portcullis/contracts';
import type { ApiReplay, DescribedOperation, ReplayOptions } from './api-replay.ts';
import type { ApiCredentials } from './api-credentials.ts';

const TOO_LARGE = JSON.stringify({ more: 'x'.repeat(300_000) });
const NOBODYS_COOKIE = `${LOCAL_SESSION_COOKIE}=${'A'.repeat(43)}`;
/** Of a type that nothing has. */
const UNKNOWN: Readonly<Record<string, string | number>> = { id: 999_999, seq: 999_999_999, kid: '0'.repeat(16) };

interface Refusal {
  status: number;
  options: ReplayOptions;
}

/** Everything that an operation refuses for a reason that all of its kind have: whoever it is, whatever its body. */
export async function provokeRefusals(replay: ApiReplay, credentials: ApiCredentials): Promise<void> {
  for (const [id, described] of replay.operations) {
    for (const { status, options } of refusalsOf(described, credentials)) await replay.send(id, status, options);
  }
}

function refusalsOf(described: DescribedOperation, credentials: ApiCredentials): Refusal[] {
  const taken = schemesOf(described);
  const headers = taken.has('scim')
    ? credentials.scim
    : taken.has('bearer')
      ? credentials.admin
      : taken.has('session')
        ? credentials.session
        : { [CSRF_HEADER]: '1' };
  return [
    ...refusedCallers(described, taken, credentials),
    ...refusedRequests(described).map(({ status, options }) => ({
      status,
      options: { ...options, headers: { ...headers, ...options.headers } },
    })),
  ];
}

function schemesOf({ operation }: DescribedOperation): Set<string> {
  return new Set(operation.security.flatMap((requirement) => Object.keys(requirement)));
}

function refusedCallers(
  { operation }: DescribedOperation,
  taken: ReadonlySet<string>,
  { member, scim, session }: ApiCredentials,
): Refusal[] {
  const refusals: Refusal[] = [];
  const add = (status: number, headers: Record<string, string>, name?: string): number =>
    refusals.push({ status, options: { headers, ...(name && { name }) } });
  if (taken.has('bearer') || taken.has('scim')) {
    add(401, {}, 'missing_token');
    add(401, { Authorization: 'Bearer not-a-token' }, 'invalid_token');
  }
  if (taken.has('scim')) add(403, member, 'insufficient_scope');
  else if (operation['x-required-role']) add(403, member);
  else if (taken.has('bearer')) add(403, scim);
  if (taken.has('session')) {
    add(401, { Cookie: NOBODYS_COOKIE, [CSRF_HEADER]: '1' });
    if (!taken.has('bearer')) add(401, {});
  }
  if (taken.has('csrf')) add(403, taken.has('session') ? { Cookie: session['Cookie']! } : {});
  return refusals;
}

function refusedRequests({ path, operation }: DescribedOperation): Refusal[] {
  const { parameters = [], requestBody } = operation;
  const isScim = path.startsWith('/scim/');
  const inPath = parameters.find((each) => each.in === 'path');
  const inQuery = parameters.some((each) => each.in === 'query');
  const isForTheirOwn = operation.operationId === 'password_change';
  const refusals: Refusal[] = [];
  if (requestBody) {
    refusals.push({ status: 413, options: { body: TOO_LARGE, name: 'body_too_large' } });
    const text = { body: 'text', headers: { 'Content-Type': 'text/plain' }, name: 'unsupported_media_type' };
    refusals.push({ status: 415, options: text });
    refusals.push({ status: 400, options: { body: isScim ? [] : { more: true } } });
  } else if (isScim && parameters.some(({ name }) => name === 'filter')) {
    refusals.push({ status: 400, options: { query: { filter: '(' } } });
  } else if (!isScim && inPath) {
    refusals.push({ status: 400, options: { given: { [inPath.name]: 'x' } } });
  } else if (!isScim && inQuery) {
    refusals.push({ status: 400, options: { query: { more: 'true' } } });
  }
  if (inPath) {
    const example = isForTheirOwn ? { example: 'initial' } : {};
    refusals.push({
      status: 404,
      options: { ...example, given: { [inPath.name]: UNKNOWN[inPath.name] }, ...(isScim && { name: 'not_found' }) },
    });
  }
  return refusals;
}
