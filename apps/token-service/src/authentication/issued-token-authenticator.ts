import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import {
  type Caller,
  Keyring,
  registerBearerStrategy,
  TokenVerifier,
  type VerifiedToken,
} from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import { KEYS_RELOAD_MS, SigningKeys } from '../keys/signing-keys.js';
import { IssuedTokens } from './issued-tokens.js';

const VERIFIED_TOKENS_MAX = 10_000;

/**
 * Authenticates bearer tokens against Postgres: the signature must be good and the very token must be on record. So nothing but
 * an issued token manages anything, whoever may hold a signing key, and this service is safe when it is reached directly.
 */
@Injectable()
export class IssuedTokenAuthenticator implements OnApplicationBootstrap {
  #verifier: TokenVerifier;
  #keysLoadedAtMs = 0;
  /** Under way: whoever meets an unknown key meanwhile waits for it too. */
  #reloading: Promise<void> | undefined;

  constructor(
    private readonly issuedTokens: IssuedTokens,
    private readonly signingKeys: SigningKeys,
  ) {}

  /** Not while modules begin: on an empty database the first key is only being made then, and would be missing for a second. */
  async onApplicationBootstrap(): Promise<void> {
    this.#verifier = new TokenVerifier(await this.loadKeys(), VERIFIED_TOKENS_MAX);
    registerBearerStrategy((token) => this.authenticate(token));
  }

  /** @returns the caller, or the problem (401) to answer with */
  async authenticate(token: string): Promise<Caller | Problem> {
    const verified = await this.verify(token);
    if (verified instanceof Problem) return verified;
    return this.issuedTokens.authenticate(token, verified.tokenId, verified.userId);
  }

  /** Another replica may have made a new key: an unknown one is a reason to look, once a second at most. */
  private async verify(token: string): Promise<VerifiedToken | Problem> {
    const verified = this.#verifier.verify(token, Date.now() / 1000);
    if (!(verified instanceof Problem)) return verified;
    const isDue = performance.now() - this.#keysLoadedAtMs >= KEYS_RELOAD_MS;
    if (isDue) this.#reloading = this.reloadKeys().finally(() => (this.#reloading = undefined));
    if (!this.#reloading) return verified;
    await this.#reloading;
    return this.#verifier.verify(token, Date.now() / 1000);
  }

  private async reloadKeys(): Promise<void> {
    this.#verifier.useKeyring(await this.loadKeys());
  }

  private async loadKeys(): Promise<Keyring> {
    this.#keysLoadedAtMs = performance.now();
    return Keyring.from(await this.signingKeys.verificationKeys());
  }
}
