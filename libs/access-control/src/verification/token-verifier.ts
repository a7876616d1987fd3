import { createHmac, timingSafeEqual, verify } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Problem, unauthorized } from '@portcullis/contracts';
import { Keyring, type KeyringKey } from './keyring.js';
import { readJti } from './token-id.js';
import { TOKEN_REFUSALS } from './token-refusals.js';

/** What a token says once its signature is good. Whether it still opens anything is for the access view to say. */
export interface VerifiedToken {
  readonly tokenId: number;
  readonly userId: number;
  /** A SCIM administration token. */
  readonly scim: boolean;
  /** Seconds since 1970; Infinity when it never expires. */
  readonly expiresAt: number;
}

/** No token of ours comes near this many characters. */
export const TOKEN_LENGTH_MAX = 2_048;

const MALFORMED = unauthorized('The token is malformed', 'invalid_token');
const NOT_OURS = unauthorized('The token was not issued here', 'invalid_token');
const NOT_YET_VALID = unauthorized('The token is not valid yet', 'invalid_token');

/**
 * Verifies Portcullis's JWTs (RFC 7519, signed as in RFC 7515 or RFC 8037): no network, no database, no await.
 * Verified tokens are remembered, up to a bound, so that a signature is checked once; the time is checked every time.
 */
export class TokenVerifier {
  #keyring: Keyring;
  readonly #verified: LRUCache<string, VerifiedToken>;

  /** @param timings told how long each check of a token took that is not remembered, in milliseconds */
  constructor(
    keyring: Keyring,
    verifiedTokensMax: number,
    private readonly timings?: { observe(durationMs: number): void },
  ) {
    this.#keyring = keyring;
    this.#verified = new LRUCache({ max: verifiedTokensMax });
  }

  /** Takes a new set of keys; what was verified with the old ones is forgotten. */
  useKeyring(keyring: Keyring): void {
    this.#keyring = keyring;
    this.#verified.clear();
  }

  /**
   * @param nowSeconds wall clock, seconds since 1970
   * @returns the verified token, or the problem to answer with (a shared object, never thrown here)
   */
  verify(token: string, nowSeconds: number): VerifiedToken | Problem {
    const known = this.#verified.get(token);
    if (known !== undefined) return nowSeconds < known.expiresAt ? known : TOKEN_REFUSALS.expired;
    const startedMs = performance.now();
    const verified = verifySignedToken(token, this.#keyring, nowSeconds);
    this.timings?.observe(performance.now() - startedMs);
    if ('tokenId' in verified) this.#verified.set(token, verified);
    return verified;
  }

  /**
   * Whether a token that does not verify bears our mark in its `jti`, and names a key that isn't here: a verifier that has heard of
   * no new key for some time can't say that it is a bad one.
   */
  mayBeOfNewerKey(token: string): boolean {
    const [header = '', payload, signature] = token.length > TOKEN_LENGTH_MAX ? [] : token.split('.', 3);
    if (payload === undefined || signature === undefined || this.#keyring.keyForHeader(header)) return false;
    return readJti(decodeClaims(payload)?.['jti'], this.#keyring.tokenIdMac) !== undefined;
  }
}

function verifySignedToken(token: string, keyring: Keyring, nowSeconds: number): VerifiedToken | Problem {
  if (token.length > TOKEN_LENGTH_MAX) return MALFORMED;
  const headerEnd = token.indexOf('.');
  const payloadEnd = token.indexOf('.', headerEnd + 1);
  if (headerEnd < 1 || payloadEnd < 0) return MALFORMED;

  const key = keyring.keyForHeader(token.slice(0, headerEnd));
  if (!key) return NOT_OURS;
  const claims = decodeClaims(token.slice(headerEnd + 1, payloadEnd));
  if (!claims) return MALFORMED;
  const tokenId = readJti(claims['jti'], keyring.tokenIdMac);
  if (tokenId === undefined) return NOT_OURS;
  if (!signatureIsGood(key, token.slice(0, payloadEnd), token.slice(payloadEnd + 1))) return NOT_OURS;
  return checkClaims(claims, tokenId, keyring.issuer, nowSeconds);
}

function decodeClaims(segment: string): Record<string, unknown> | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // not JSON: the caller answers that the token is malformed
  }
}

function signatureIsGood(key: KeyringKey, signingInput: string, segment: string): boolean {
  const signature = Buffer.from(segment, 'base64url');
  if (signature.toString('base64url') !== segment) return false; // one spelling per token: it is a cache key
  if (key.alg === 'EdDSA') return verify(null, Buffer.from(signingInput), key.key, signature);
  const expected = createHmac('sha256', key.key).update(signingInput).digest();
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

const USER_ID = /^[1-9]\d{0,9}$/;

function checkClaims(
  claims: Record<string, unknown>,
  tokenId: number,
  issuer: string,
  nowSeconds: number,
): VerifiedToken | Problem {
  const { iss, sub, iat, exp, nbf, scope } = claims;
  if (iss !== issuer) return NOT_OURS;
  if (typeof sub !== 'string' || !USER_ID.test(sub)) return MALFORMED;
  if (!isNumericDate(iat) || (exp !== undefined && !isNumericDate(exp))) return MALFORMED;
  if (scope !== undefined && scope !== 'scim') return MALFORMED;
  if (nbf !== undefined && !isNumericDate(nbf)) return MALFORMED;
  if (nbf !== undefined && nbf > nowSeconds) return NOT_YET_VALID;
  if (exp !== undefined && exp <= nowSeconds) return TOKEN_REFUSALS.expired;
  return { tokenId, userId: Number(sub), scim: scope === 'scim', expiresAt: exp ?? Infinity };
}

/** NumericDate of RFC 7519 section 2; ours are whole seconds. */
function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
