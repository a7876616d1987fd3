import { argon2, type Argon2Parameters, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

/** Argon2id as OWASP recommends it: 19 MiB, two passes, one lane (RFC 9106 section 4 names larger ones for larger machines). */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };

const argon2Async = promisify(argon2) as unknown as (
  algorithm: 'argon2id',
  parameters: Argon2Parameters,
) => Promise<Buffer>;

/** Hashes a password with a new salt. @returns the hash in PHC string form */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const hash = await argon2Async('argon2id', { message: password, nonce, ...COST });
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${encode(nonce)}$${encode(hash)}`;
}

/** Base64 without padding, as the PHC string format has it. */
const encode = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
