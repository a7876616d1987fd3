import type { PrincipalValue } from '@portcullis/contracts';

/** Someone who may enter, as the access ledger knows them. */
export interface Principal extends Readonly<PrincipalValue> {
  readonly id: number;
}

/** Who makes a request: a principal, and the credential that was shown. */
export interface Caller {
  readonly principal: Principal;
  /** null in a signed-in session. */
  readonly tokenId: number | null;
  /** The credential is a SCIM administration token. */
  readonly scim: boolean;
  /** When the token expires, seconds since 1970, Infinity for never; absent where nobody keeps what it opened open. */
  readonly expiresAt?: number;
}
