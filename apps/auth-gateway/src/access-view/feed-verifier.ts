import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { AccessFeedMessage } from '@portcullis/contracts';
import { MalformedMessage, parseFeedMessage } from './ledger-messages.js';

const SIGNATURE_BYTES = 64;

/** Checks that a message of the change feed was made by the token-service: NATS itself is not trusted. */
export class FeedVerifier {
  #publicKey: KeyObject | undefined;

  /** @param publicKey base64url, the 32 bytes of an Ed25519 key (RFC 8032), from the internal API */
  usePublicKey(publicKey: string): void {
    this.#publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
  }

  /** There is no key before the first answer of the internal API. */
  get isReady(): boolean {
    return this.#publicKey !== undefined;
  }

  /** @returns the message, `forged` when its signature isn't good, `malformed` when what was signed makes no sense */
  open(payload: Uint8Array, signature: string): AccessFeedMessage | 'forged' | 'malformed' {
    if (!this.#isSigned(payload, signature)) return 'forged';
    try {
      return parseFeedMessage(Buffer.from(payload).toString('utf8'));
    } catch (error) {
      if (error instanceof MalformedMessage) return 'malformed';
      throw error;
    }
  }

  #isSigned(payload: Uint8Array, signature: string): boolean {
    if (!this.#publicKey) return false;
    const bytes = Buffer.from(signature, 'base64url');
    return bytes.length === SIGNATURE_BYTES && verify(null, payload, this.#publicKey, bytes);
  }
}
