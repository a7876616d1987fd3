import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { KeysResponse, TokenAlgorithm, VerificationKey } from '@portcullis/contracts';
import { ShortHmac } from './short-hmac.js';

export interface KeyringKey {
  kid: string;
  alg: TokenAlgorithm;
  key: KeyObject;
}

/** Everything that is needed to check a token, and nothing that could make one (with EdDSA). Immutable. */
export class Keyring {
  readonly #byHeader = new Map<string, KeyringKey>();
  /** Of the ids in `jti`s. */
  readonly tokenIdMac: ShortHmac;

  constructor(
    readonly issuer: string,
    tokenIdMacKey: Buffer,
    keys: readonly KeyringKey[],
  ) {
    this.tokenIdMac = new ShortHmac(tokenIdMacKey);
    for (const key of keys) this.#byHeader.set(encodeHeader(key), key);
  }

  static from(response: KeysResponse): Keyring {
    return new Keyring(
      response.issuer,
      Buffer.from(response.token_id_mac_key, 'base64url'),
      response.keys.map(importKey),
    );
  }

  /**
   * The key for the first segment of a JWT. Portcullis writes one header per key, so a header is looked up as a whole and
   * never interpreted: `alg: none`, another algorithm, an unknown `kid`, `jwk`, `jku` or `x5u` simply match nothing.
   */
  keyForHeader(segment: string): KeyringKey | undefined {
    return this.#byHeader.get(segment);
  }
}

/** The first segment of each JWT that is signed with this key (RFC 7515 section 4.1). */
export function encodeHeader(key: { alg: TokenAlgorithm; kid: string }): string {
  return Buffer.from(JSON.stringify({ alg: key.alg, typ: 'JWT', kid: key.kid })).toString('base64url');
}

function importKey({ kid, alg, public_key, secret }: VerificationKey): KeyringKey {
  if (alg === 'EdDSA' && public_key) {
    return { kid, alg, key: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: public_key }, format: 'jwk' }) };
  }
  if (alg === 'HS256' && secret) return { kid, alg, key: createSecretKey(secret, 'base64url') };
  throw new Error(`signing key ${kid} of algorithm ${alg} has no key material`);
}
