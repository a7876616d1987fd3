import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The master key does not open what is stored: it is another one than the database was made with. */
export class WrongMasterKeyError extends Error {
  constructor(name: string) {
    super(
      `The master key does not fit this database: "${name}" can't be unwrapped. Start with the key it was made with.`,
    );
    this.name = 'WrongMasterKeyError';
  }
}

/** Wraps the keys that are stored in Postgres: AES-256-GCM, bound to the name of what is wrapped. */
export class MasterKey {
  readonly #key: Buffer;

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    if (key.length !== 32) throw new Error('the master key must be 32 bytes');
    this.#key = key;
  }

  /** @returns iv, tag and ciphertext, one after the other */
  wrap(name: string, secret: Buffer): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(name));
    const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
  }

  /** @throws WrongMasterKeyError when it was wrapped by another key, under another name, or was changed */
  unwrap(name: string, wrapped: Buffer): Buffer {
    const iv = wrapped.subarray(0, IV_BYTES);
    const tag = wrapped.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(name)).setAuthTag(tag);
      return Buffer.concat([decipher.update(wrapped.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
    } catch {
      throw new WrongMasterKeyError(name);
    }
  }
}
