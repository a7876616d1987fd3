import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { MasterKeys, type WrappedKey } from './master-keys.js';
import { SECRETS } from './wrapped-keys.js';

/** The keys of an installation that are made once, at the first start, and kept in Postgres, wrapped by the master key. */
@Injectable()
export class Secrets implements OnModuleInit {
  /** Makes the HMAC that is stored for each token. */
  tokenHmacKey: Buffer;
  /** Makes the MAC in each `jti`; all verifiers share it. */
  tokenIdMacKey: Buffer;
  /** Spreads accounts and addresses over the slots that attempts to sign in are counted in. */
  signInLimitKey: Buffer;
  /** Signs the access feed. */
  feedKey: KeyObject;

  constructor(
    private readonly dataSource: DataSource,
    private readonly masterKeys: MasterKeys,
  ) {}

  async onModuleInit(): Promise<void> {
    this.tokenHmacKey = await this.getOrMake('token-hmac', () => randomBytes(32));
    this.tokenIdMacKey = await this.getOrMake('token-id-mac', () => randomBytes(32));
    this.signInLimitKey = await this.getOrMake('sign-in-limit', () => randomBytes(32));
    const feedKey = await this.getOrMake('access-feed', makeEd25519);
    this.feedKey = createPrivateKey({ key: feedKey, format: 'der', type: 'pkcs8' });
  }

  private async getOrMake(name: string, make: () => Buffer): Promise<Buffer> {
    const label = SECRETS.label(name);
    const { wrapped, masterKeyId } = this.masterKeys.wrap(label, make());
    // Two replicas may start at once: the first row wins, and both read it.
    await this.dataSource.query(INSERT_SQL, [name, wrapped, masterKeyId]);
    const [row] = await this.dataSource.query<WrappedKey[]>(SELECT_SQL, [name]);
    return this.masterKeys.unwrap(label, row!);
  }
}

const INSERT_SQL =
  'INSERT INTO secrets (name, wrapped, master_key_id) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING';
const SELECT_SQL = 'SELECT wrapped, master_key_id AS "masterKeyId" FROM secrets WHERE name = $1';

function makeEd25519(): Buffer {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
}
