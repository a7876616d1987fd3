import { stdSerializers } from 'pino';

export const REDACTED = '[redacted]';

/** Deeper than this nothing is shown: it is too much for a line of a log, and a loop would have no end. */
const DEPTH_MAX = 8;

/** Names of fields whose values are secrets, without regard to case, `-` and `_`. */
const SECRET_NAMES = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'token',
  'bearertoken',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'jwt',
  'apikey',
  'xapikey',
  'code',
  'codeverifier',
  'masterkey',
  'leasekey',
  'privatekey',
  'signature',
  'databaseurl',
  'natsurl',
  'portcullisforwardedby',
]);
/** `password`, `current_password`, `client_secret`, `internalSecret`, … */
const SECRET_ENDINGS = /(?:password|passphrase|secret)$/;

/** Secrets by their form, wherever they stand: in a message, a stack, a URL. */
const SECRET_FORMS: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g, REDACTED], // a JWT
  [/\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}/gi, `$1 ${REDACTED}`],
  [/\b((?:__Host-)?portcullis_session=)[^\s;,"\\]+/g, `$1${REDACTED}`],
  [/(\/\/)[^\s/@"\\]+:[^\s/@"\\]*(@)/g, `$1${REDACTED}$2`], // the user and password in a URL
  [/([?&](?:access_token|token|code|code_verifier|password|secret|client_secret)=)[^\s&#"\\]+/gi, `$1${REDACTED}`],
];

/** Takes the secrets out of what is about to be logged, however deep they are. @returns a copy */
export function redactFields(fields: object): Record<string, unknown> {
  return redactObject(fields, 0) as Record<string, unknown>;
}

/** Takes what looks like a secret out of a finished line. */
export function redactText(text: string): string {
  return SECRET_FORMS.reduce((redacted, [form, replacement]) => redacted.replace(form, replacement), text);
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= DEPTH_MAX) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  return redactObject(value, depth);
}

function redactObject(value: object, depth: number): object {
  const isError = value instanceof Error;
  const readable = isError ? stdSerializers.err(value) : value instanceof Map ? Object.fromEntries(value) : value;
  const entries = Object.entries(readable).map(([name, field]) => {
    // An error's code says what went wrong; any other one may be a login's.
    const secret = isSecretName(name) && !(isError && name === 'code');
    return [name, secret ? REDACTED : redactValue(field, depth + 1)];
  });
  return Object.fromEntries(entries) as object;
}

function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[-_]/g, '');
  return SECRET_NAMES.has(plain) || SECRET_ENDINGS.test(plain);
}
