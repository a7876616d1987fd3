import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** A key as it lies in Postgres, and the master key that it is wrapped with; null: it was written before they had names. */
export interface WrappedKey {
  wrapped: Buffer;
  masterKeyId: string | null;
}

/** What is stored needs a master key that this process was not given. */
export class WrongMasterKeyError extends Error {
  constructor(name: string, masterKeyId: string | null, given: readonly string[]) {
    const needed = masterKeyId ? `the master key ${masterKeyId}` : 'another master key';
    super(
      `The master key does not fit this database: "${name}" can't be unwrapped. It needs ${needed}, ` +
        `and PORTCULLIS_MASTER_KEY holds ${given.join(', ')}. Give that key too, after the first (docs/keys.md).`,
    );
    this.name = 'WrongMasterKeyError';
  }
}

/**
 * Wrap the keys that are stored in Postgres: AES-256-GCM, bound to the name of what is wrapped. The first master key wraps, all of
 * them unwrap: so that one can take the place of another while several token-services run.
 */
export class MasterKeys {
  readonly #keys: ReadonlyMap<string, Buffer>;
  /** The one that wraps. */
  readonly currentId: string;

  /** @param keys 32 bytes each; one at least */
  constructor(keys: readonly Buffer[]) {
    if (keys.some((key) => key.length !== KEY_BYTES)) throw new Error('a master key must be 32 bytes');
    this.#keys = new Map(keys.map((key) => [masterKeyId(key), key]));
    const [currentId] = this.ids;
    if (currentId === undefined) throw new Error('there must be a master key');
    this.currentId = currentId;
  }

  get ids(): string[] {
    return [...this.#keys.keys()];
  }

  wrap(name: string, secret: Buffer): WrappedKey & { masterKeyId: string } {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#keys.get(this.currentId)!, iv).setAAD(Buffer.from(name));
    const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
    return { wrapped: Buffer.concat([iv, cipher.getAuthTag(), ciphertext]), masterKeyId: this.currentId };
  }

  /** @throws WrongMasterKeyError when it was wrapped by another key, under another name, or was changed */
  unwrap(name: string, wrappedKey: WrappedKey): Buffer {
    return this.open(name, wrappedKey).secret;
  }

  /** {@link unwrap}, and the master key that did it. @throws WrongMasterKeyError */
  open(name: string, { wrapped, masterKeyId }: WrappedKey): { secret: Buffer; masterKeyId: string } {
    for (const id of masterKeyId === null ? this.ids : [masterKeyId]) {
      const key = this.#keys.get(id);
      const secret = key && decrypt(key, name, wrapped);
      if (secret) return { secret, masterKeyId: id };
    }
    throw new WrongMasterKeyError(name, masterKeyId, this.ids);
  }
}

/** Names a master key without telling anything of it: sixteen hexadecimal digits of an HMAC by it. */
export function masterKeyId(key: Buffer): string {
  return createHmac('sha256', key).update('portcullis master key id').digest('hex').slice(0, 16);
}

/** @returns undefined when the key, the name or the ciphertext is another one */
function decrypt(key: Buffer, name: string, wrapped: Buffer): Buffer | undefined {
  const iv = wrapped.subarray(0, IV_BYTES);
  const tag = wrapped.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(name)).setAuthTag(tag);
    return Buffer.concat([decipher.update(wrapped.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}
