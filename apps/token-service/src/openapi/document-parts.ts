import { CSRF_HEADER, RECEIPT_HEADER, SESSION_COOKIE } from '@portcullis/contracts';

export const TAGS = [
  { name: 'Tokens', description: 'API tokens: making, listing, revoking, restoring and deleting them.' },
  { name: 'Users', description: 'People and service users.' },
  { name: 'Teams', description: 'Teams of users. Public holds everyone.' },
  { name: 'Session', description: 'Signing in and out with a password.' },
  {
    name: 'CLI',
    description: 'Tokens for programs on a person’s own machine, approved in the browser (RFC 8252, RFC 7636).',
  },
  { name: 'Access', description: 'Which gateways go by a change.' },
  { name: 'Gateways', description: 'The gateways and their leases.' },
  { name: 'Audit', description: 'What was done, by whom, and what was refused.' },
  { name: 'Keys', description: 'The keys that tokens are signed with.' },
  {
    name: 'Events',
    description: 'Server-sent events. What other services listen to, on NATS, is in docs/asyncapi.yaml.',
  },
  {
    name: 'SCIM',
    description: 'SCIM 2.0 (RFC 7643, RFC 7644) for identity providers, at `/scim/v2` and `/api/scim/v2`.',
  },
];

export const DESCRIPTION = `Issues API tokens, guards APIs with them, and shuts one off everywhere the moment it is revoked.

Bodies are JSON, times ISO 8601 in UTC. Errors are problem details (RFC 9457) with a stable \`code\`; below \`/scim/v2\` they are those of SCIM. Unknown
fields are refused. An id that belongs to somebody else answers like one that doesn't exist. Every answer has an \`X-Request-Id\`, which logs
and audit trail have too.

What changes access answers when the gateways go by it: the header \`${RECEIPT_HEADER}\` says which. With \`Prefer: respond-async\` it answers 202 at once.`;

export const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token of Portcullis (RFC 6750), in this header only.',
  },
  scim: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A SCIM administration token, or an unrestricted token of an Admin.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description: 'A signed-in session; over plain http on a loopback address the name has no prefix.',
  },
  csrf: {
    type: 'apiKey',
    in: 'header',
    name: CSRF_HEADER,
    description:
      'With any value: a page of another origin can’t send it. A session needs it for whatever changes something.',
  },
} as const;

const header = (description: string, example: string): object => ({ description, schema: { type: 'string' }, example });

export const RESPONSE_HEADERS: Readonly<Record<string, object>> = {
  'X-Request-Id': header('Finds this request in logs and audit trail', '6f1c2f0e-8a57-4d0c-9f39-2b7d1c5f0e11'),
  'WWW-Authenticate': header('What is wrong with the credential (RFC 6750 section 3)', 'Bearer realm="portcullis"'),
  'Retry-After': header('Seconds', '1'),
  [RECEIPT_HEADER]: header(
    'The receipt (ReceiptDto) as JSON: which gateways go by the change',
    '{"seq":1042,"confirmed":["gw-1"],"expired":[],"elapsed_ms":4.5}',
  ),
  'Preference-Applied': header('RFC 7240 section 3', 'respond-async'),
  Location: header('Where to look: the resource, or who has confirmed the change', '/api/access/1042'),
  ETag: header('The version of the resource, weak (RFC 9110 section 8.8.3)', 'W/"0hBq7Zk2mVtXn4cRj8sLwA"'),
  'Set-Cookie': header('The session', `${SESSION_COOKIE}=…; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict; Secure`),
  'Content-Disposition': header('A name for the file', 'attachment; filename="audit.csv"'),
};

const parameter = (name: string, place: 'header' | 'query', description: string, schema: object, more: object = {}): object =>
  ({ name, in: place, required: false, description, schema, ...more }); // prettier-ignore
const text = { type: 'string' };

export const PARAMETERS: Readonly<Record<string, object>> = {
  Prefer: parameter(
    'Prefer',
    'header',
    '`respond-async`: answers 202 without waiting for the gateways (RFC 7240)',
    text,
  ),
  ifMatch: parameter('If-Match', 'header', 'Only if it is still this version (RFC 7644 section 3.14)', text),
  ifNoneMatch: parameter('If-None-Match', 'header', 'Only if it is another version', text),
  filter: parameter('filter', 'query', 'RFC 7644 section 3.4.2.2', text),
  sortBy: parameter('sortBy', 'query', 'The attribute to sort by', text),
  sortOrder: parameter('sortOrder', 'query', 'How to sort', {
    enum: ['ascending', 'descending'],
    default: 'ascending',
  }),
  startIndex: parameter('startIndex', 'query', 'From 1', { type: 'integer', default: 1 }),
  count: parameter('count', 'query', '200 at most', { type: 'integer', default: 100 }),
  attributes: parameter('attributes', 'query', 'What to show and nothing else, separated by commas', text),
  excludedAttributes: parameter('excludedAttributes', 'query', 'What not to show, separated by commas', text),
};

/** The parameters of a list and of a single resource of SCIM (RFC 7644 sections 3.4.2 and 3.9). */
export const SCIM_QUERIES = {
  list: ['filter', 'sortBy', 'sortOrder', 'startIndex', 'count', 'attributes', 'excludedAttributes'],
  selection: ['attributes', 'excludedAttributes'],
} as const;
