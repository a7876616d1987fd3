import {
  createHmac,
  createPrivateKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { KeysResponse, KeyValue, TokenAlgorithm, VerificationKey } from '@portcullis/contracts';
import { encodeHeader } from '@portcullis/access-control';
import { DataSource, type EntityManager } from 'typeorm';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { MasterKeys } from './master-keys.js';
import { Secrets } from './secrets.js';
import { SIGNING_KEYS } from './wrapped-keys.js';

/** How often a token-service that meets an unknown key may look whether there is a new one. */
export const KEYS_RELOAD_MS = 1_000;

interface SigningKeyRow {
  kid: string;
  alg: TokenAlgorithm;
  public_key: string | null;
  wrapped_private_key: Buffer;
  master_key_id: string | null;
  state: KeyValue;
}

/** A key that new tokens are signed with. */
export interface Signer {
  kid: string;
  /** @returns the compact JWS of these claims (RFC 7515 section 7.1) */
  sign(claims: object): string;
}

/** The keys that sign tokens. They live in Postgres, so that all replicas sign with the same one. */
@Injectable()
export class SigningKeys {
  readonly #signers = new Map<string, Signer>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly masterKeys: MasterKeys,
    private readonly secrets: Secrets,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** The key that signs now; undefined before the first start. */
  async signing(manager: EntityManager): Promise<Pick<SigningKeyRow, 'kid' | 'alg'> | undefined> {
    const [row] = await manager.query<SigningKeyRow[]>(`SELECT kid, alg FROM signing_keys WHERE state = 'signing'`);
    return row;
  }

  /** {@link signing}; opens all keys that are not retired, so that a start without their master key fails. @throws WrongMasterKeyError */
  async openAll(manager: EntityManager): Promise<Pick<SigningKeyRow, 'kid' | 'alg'>> {
    const rows = await manager.query<SigningKeyRow[]>(`SELECT * FROM signing_keys WHERE state <> 'retired'`);
    for (const row of rows) this.signerOf(row);
    return rows.find(({ state }) => state === 'signing')!;
  }

  /** A key that was made to sign and does not yet. */
  async newerThanSigning(manager: EntityManager, alg: TokenAlgorithm): Promise<string | undefined> {
    const [row] = await manager.query<{ kid: string }[]>(NEWER_SQL, [alg]);
    return row?.kid;
  }

  async stateOf(manager: EntityManager, kid: string): Promise<KeyValue | undefined> {
    const [row] = await manager.query<SigningKeyRow[]>('SELECT state FROM signing_keys WHERE kid = $1', [kid]);
    return row?.state;
  }

  /** The key to sign with, as the transaction sees it: a replica doesn't go on with a key that another has demoted. */
  async currentSigner(manager: EntityManager): Promise<Signer> {
    const current = await manager.query<{ kid: string }[]>(`SELECT kid FROM signing_keys WHERE state = 'signing'`);
    const kid = current[0]?.kid;
    if (!kid) throw new Error('no key signs');
    const known = this.#signers.get(kid);
    if (known) return known;
    const rows = await manager.query<SigningKeyRow[]>('SELECT * FROM signing_keys WHERE kid = $1', [kid]);
    return this.signerOf(rows[0]!);
  }

  /** Everything that a verifier needs. Handed to gateways on the internal API only: with HS256 it could make tokens. */
  async verificationKeys(): Promise<KeysResponse> {
    const rows = await this.dataSource.query<SigningKeyRow[]>(
      `SELECT * FROM signing_keys WHERE state <> 'retired' ORDER BY created_at`,
    );
    return {
      issuer: this.config.issuer,
      keys: rows.map((row) => this.verificationKey(row)),
      token_id_mac_key: this.secrets.tokenIdMacKey.toString('base64url'),
      feed_public_key: publicKeyX(this.secrets.feedKey),
    };
  }

  private verificationKey(row: SigningKeyRow): VerificationKey {
    if (row.alg === 'EdDSA') return { kid: row.kid, alg: row.alg, public_key: row.public_key! };
    const secret = this.#secretOf(row);
    return { kid: row.kid, alg: row.alg, secret: secret.toString('base64url') };
  }

  /** Makes a key. Call it, as {@link setState}, in a change of access that tells the ledger. @returns the kid */
  async make(manager: EntityManager, alg: TokenAlgorithm, state: KeyValue): Promise<string> {
    const kid = randomBytes(8).toString('hex');
    const { secret, publicKey } = alg === 'EdDSA' ? makeEd25519() : makeHs256();
    const { wrapped, masterKeyId } = this.masterKeys.wrap(SIGNING_KEYS.label(kid), secret);
    await manager.query(INSERT_SQL, [kid, alg, publicKey, wrapped, masterKeyId, state]);
    return kid;
  }

  async setState(manager: EntityManager, kid: string, state: KeyValue): Promise<void> {
    await manager.query('UPDATE signing_keys SET state = $2 WHERE kid = $1', [kid, state]);
  }

  #secretOf({ kid, wrapped_private_key: wrapped, master_key_id: masterKeyId }: SigningKeyRow): Buffer {
    return this.masterKeys.unwrap(SIGNING_KEYS.label(kid), { wrapped, masterKeyId });
  }

  private signerOf(row: SigningKeyRow): Signer {
    const secret = this.#secretOf(row);
    const signer = row.alg === 'EdDSA' ? eddsaSigner(row.kid, secret) : hs256Signer(row.kid, secret);
    this.#signers.set(row.kid, signer);
    return signer;
  }
}

// By the clock and not by the transaction's beginning: changes take turns, and so do their keys.
const INSERT_SQL = `
  INSERT INTO signing_keys (kid, alg, public_key, wrapped_private_key, master_key_id, state, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())`;
const NEWER_SQL = `
  SELECT kid FROM signing_keys WHERE state = 'verifying' AND alg = $1
    AND created_at > (SELECT created_at FROM signing_keys WHERE state = 'signing')
  ORDER BY created_at DESC LIMIT 1`;

function makeEd25519(): { secret: Buffer; publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { secret: privateKey.export({ format: 'der', type: 'pkcs8' }), publicKey: publicKeyX(privateKey) };
}

function makeHs256(): { secret: Buffer; publicKey: null } {
  return { secret: randomBytes(32), publicKey: null };
}

/** The `x` of the JWK (RFC 8037 section 2). */
function publicKeyX(privateKey: KeyObject): string {
  return privateKey.export({ format: 'jwk' }).x!;
}

function eddsaSigner(kid: string, pkcs8: Buffer): Signer {
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return makeSigner('EdDSA', kid, (input) => sign(null, input, key));
}

function hs256Signer(kid: string, secret: Buffer): Signer {
  const key = createSecretKey(secret);
  return makeSigner('HS256', kid, (input) => createHmac('sha256', key).update(input).digest());
}

function makeSigner(alg: TokenAlgorithm, kid: string, signBytes: (input: Buffer) => Buffer): Signer {
  const header = encodeHeader({ alg, kid });
  return {
    kid,
    sign: (claims) => {
      const signingInput = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
      return `${signingInput}.${signBytes(Buffer.from(signingInput)).toString('base64url')}`;
    },
  };
}
