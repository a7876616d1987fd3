import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const MESSAGE_CHARACTERS_MAX = 64;

/**
 * HMAC-SHA256 (RFC 2104) of short ASCII messages by one key, over Node's one-shot hash. `createHmac` builds a context of OpenSSL's for
 * each message, which was a large part of what it cost a gateway to refuse a made-up token.
 */
export class ShortHmac {
  readonly #inner = Buffer.alloc(BLOCK_BYTES + MESSAGE_CHARACTERS_MAX, 0x36);
  readonly #outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c);

  /** @param key of 64 bytes at most: longer ones would have to be hashed first */
  constructor(key: Buffer) {
    if (key.length > BLOCK_BYTES) throw new RangeError(`a key of ${key.length} bytes is too long`);
    for (const [i, byte] of key.entries()) {
      this.#inner[i]! ^= byte;
      this.#outer[i]! ^= byte;
    }
  }

  /** @throws RangeError when the message has more than 64 characters */
  of(message: string): Buffer {
    if (message.length > MESSAGE_CHARACTERS_MAX) throw new RangeError('the message is too long');
    const length = this.#inner.write(message, BLOCK_BYTES, 'latin1');
    hash('sha256', this.#inner.subarray(0, BLOCK_BYTES + length), 'buffer').copy(this.#outer, BLOCK_BYTES);
    return hash('sha256', this.#outer, 'buffer');
  }
}
