import { argon2, type Argon2Parameters, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Argon2id as OWASP recommends it: 19 MiB, two passes, one lane (RFC 9106 section 4 names larger ones for larger machines). */
const COST = { memory: 19_456, passes: 2, parallelism: 1 };
const TAG_BYTES = 32;

const argon2Async = promisify(argon2) as unknown as (
  algorithm: 'argon2id',
  parameters: Argon2Parameters,
) => Promise<Buffer>;

const PHC =
  /^\$argon2id\$v=19\$m=(?<memory>\d{1,7}),t=(?<passes>\d{1,2}),p=(?<parallelism>\d{1,2})\$(?<salt>[A-Za-z0-9+/]+)\$(?<tag>[A-Za-z0-9+/]+)$/;

/** Hashes a password with a new salt. @returns the hash in PHC string form */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const hash = await argon2Async('argon2id', { message: message(password), nonce, ...COST, tagLength: TAG_BYTES });
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${encode(nonce)}$${encode(hash)}`;
}

/**
 * Whether a password is the one behind a hash.
 * @throws when the hash is in no form that this code has ever stored
 */
export async function passwordMatches(password: string, phc: string): Promise<boolean> {
  const parts = PHC.exec(phc)?.groups as
    Record<'memory' | 'passes' | 'parallelism' | 'salt' | 'tag', string> | undefined;
  if (!parts) throw new Error('A password hash is not in the PHC form of Argon2id');
  const tag = Buffer.from(parts.tag, 'base64');
  const hash = await argon2Async('argon2id', {
    message: message(password),
    nonce: Buffer.from(parts.salt, 'base64'),
    memory: Number(parts.memory),
    passes: Number(parts.passes),
    parallelism: Number(parts.parallelism),
    tagLength: tag.length,
  });
  return timingSafeEqual(hash, tag);
}

/** What looks the same is the same, whichever way a keyboard puts an accent on a letter (RFC 8265 section 4.2). */
const message = (password: string): string => password.normalize('NFC');

/** Base64 without padding, as the PHC string format has it. */
const encode = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
