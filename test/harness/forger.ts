import { createDecipheriv, createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { INTERNAL_SECRET_HEADER, type KeysResponse } from '@portcullis/contracts';
import { INTERNAL_SECRET, MASTER_KEY, type Stack } from './stack.ts';

/** Someone who holds Portcullis's own signing key: what they can make shows what the other checks are worth. */
export class Forger {
  private constructor(
    readonly keys: KeysResponse,
    readonly kid: string,
    private readonly privateKey: KeyObject,
  ) {}

  /** Takes the signing key out of the database, with the master key. */
  static async of(stack: Stack): Promise<Forger> {
    const { rows } = await stack.database.pool.query(
      `SELECT kid, wrapped_private_key FROM signing_keys WHERE state = 'signing'`,
    );
    const { kid, wrapped_private_key: wrapped } = rows[0];
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(MASTER_KEY, 'base64'), wrapped.subarray(0, 12));
    decipher.setAAD(Buffer.from(`signing-key:${kid}`)).setAuthTag(wrapped.subarray(12, 28));
    const pkcs8 = Buffer.concat([decipher.update(wrapped.subarray(28)), decipher.final()]);
    return new Forger(await internalKeys(stack), kid, createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
  }

  get header(): Record<string, unknown> {
    return { alg: 'EdDSA', typ: 'JWT', kid: this.kid };
  }

  /** Claims as an issued token of user 1 has them. */
  claims(tokenId: number, changes: object = {}): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    return { iss: 'portcullis', sub: '1', jti: this.jti(tokenId), iat: now, exp: now + 3600, ...changes };
  }

  jti(tokenId: number): string {
    const key = Buffer.from(this.keys.token_id_mac_key, 'base64url');
    return `${tokenId}.${createHmac('sha256', key).update(String(tokenId)).digest().subarray(0, 12).toString('base64url')}`;
  }

  sign(claims: object, header: object = this.header): string {
    const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${input}.${sign(null, Buffer.from(input), this.privateKey).toString('base64url')}`;
  }
}

/** What a gateway is told of the keys. */
export async function internalKeys(stack: Stack): Promise<KeysResponse> {
  const response = await fetch(`${stack.tokenServices[0]!.internalUrl}/internal/keys`, {
    headers: { [INTERNAL_SECRET_HEADER]: INTERNAL_SECRET },
  });
  return (await response.json()) as KeysResponse;
}
