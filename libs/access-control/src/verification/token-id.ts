import { timingSafeEqual } from 'node:crypto';
import { ShortHmac } from './short-hmac.js';

const MAC_BYTES = 12;
const TOKEN_ID = /^[1-9]\d{0,15}$/;

/**
 * Makes the `jti` of a token: `<id>.<mac>`, where `mac` is the first 12 bytes of HMAC-SHA256 over the id, base64url.
 * It lets a verifier refuse a made-up token for the price of one HMAC; it is no substitute for the signature.
 */
export function makeJti(tokenId: number, macKey: Buffer): string {
  return `${tokenId}.${macOf(String(tokenId), new ShortHmac(macKey)).toString('base64url')}`;
}

/** The token id in a `jti`, or undefined when the MAC isn't ours. */
export function readJti(jti: unknown, mac: ShortHmac): number | undefined {
  if (typeof jti !== 'string') return undefined;
  const dot = jti.indexOf('.');
  const id = jti.slice(0, dot);
  if (dot < 1 || !TOKEN_ID.test(id) || !Number.isSafeInteger(Number(id))) return undefined;
  const claimed = Buffer.from(jti.slice(dot + 1), 'base64url');
  if (claimed.length !== MAC_BYTES || !timingSafeEqual(claimed, macOf(id, mac))) return undefined;
  return Number(id);
}

function macOf(id: string, mac: ShortHmac): Buffer {
  return mac.of(id).subarray(0, MAC_BYTES);
}
