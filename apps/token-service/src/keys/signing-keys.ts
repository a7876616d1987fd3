import {
  createHmac,
  createPrivateKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { KeysResponse, KeyValue, TokenAlgorithm, VerificationKey } from '@portcullis/contracts';
import { encodeHeader } from '@portcullis/access-control';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { MasterKey } from './master-key.js';
import { Secrets } from './secrets.js';

interface SigningKeyRow {
  kid: string;
  alg: TokenAlgorithm;
  public_key: string | null;
  wrapped_private_key: Buffer;
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
export class SigningKeys implements OnModuleInit {
  readonly #signers = new Map<string, Signer>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly masterKey: MasterKey,
    private readonly secrets: Secrets,
    private readonly ledger: AccessLedger,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** Makes sure that a key of the configured algorithm signs; the one before it goes on verifying. */
  async onModuleInit(): Promise<void> {
    await this.ledger.change(async (tx) => {
      const rows = await tx.manager.query<SigningKeyRow[]>(`SELECT * FROM signing_keys WHERE state = 'signing'`);
      const current = rows[0];
      if (current) this.signerOf(current); // a master key that doesn't fit stops the start here
      if (current?.alg === this.config.tokenAlgorithm) return;
      if (current) await this.setState(tx.manager, current.kid, 'verifying');
      const kid = await this.makeKey(tx.manager);
      tx.record([
        ...(current ? [{ kind: 'key', id: current.kid, value: 'verifying' } as const] : []),
        { kind: 'key', id: kid, value: 'signing' },
      ]);
    });
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
    const secret = this.masterKey.unwrap(labelOf(row.kid), row.wrapped_private_key);
    return { kid: row.kid, alg: row.alg, secret: secret.toString('base64url') };
  }

  private async makeKey(manager: EntityManager): Promise<string> {
    const kid = randomBytes(8).toString('hex');
    const { secret, publicKey } = this.config.tokenAlgorithm === 'EdDSA' ? makeEd25519() : makeHs256();
    await manager.query(
      `INSERT INTO signing_keys (kid, alg, public_key, wrapped_private_key, state) VALUES ($1, $2, $3, $4, 'signing')`,
      [kid, this.config.tokenAlgorithm, publicKey, this.masterKey.wrap(labelOf(kid), secret)],
    );
    return kid;
  }

  private async setState(manager: EntityManager, kid: string, state: KeyValue): Promise<void> {
    await manager.query('UPDATE signing_keys SET state = $2 WHERE kid = $1', [kid, state]);
  }

  private signerOf(row: SigningKeyRow): Signer {
    const secret = this.masterKey.unwrap(labelOf(row.kid), row.wrapped_private_key);
    const signer = row.alg === 'EdDSA' ? eddsaSigner(row.kid, secret) : hs256Signer(row.kid, secret);
    this.#signers.set(row.kid, signer);
    return signer;
  }
}

const labelOf = (kid: string): string => `signing-key:${kid}`;

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
