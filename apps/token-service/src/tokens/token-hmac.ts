import { createHmac } from 'node:crypto';

/** What is stored of a token: HMAC-SHA256 over its text. */
export function tokenHmac(token: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(token).digest();
}
