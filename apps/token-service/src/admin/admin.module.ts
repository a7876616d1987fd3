import { type DynamicModule, Global, Module } from '@nestjs/common';
import { MessagingModule } from '@portcullis/messaging';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccessFeed } from '../access/access-feed.js';
import { AccessLedger } from '../access/access-ledger.js';
import { GatewayLeases } from '../access/gateway-leases.js';
import { GatewayProgress } from '../access/gateway-progress.js';
import { LeasePool } from '../access/lease-pool.js';
import { RevocationBarrier } from '../access/revocation-barrier.js';
import { AuditPurge } from '../audit/audit-purge.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { dataSourceOptions } from '../database/data-source.js';
import { OutboxRelay } from '../events/outbox-relay.js';
import { KeyRetirement } from '../keys/key-retirement.js';
import { KeyRotation } from '../keys/key-rotation.js';
import { MasterKeyRewrap } from '../keys/master-key-rewrap.js';
import { MasterKeys } from '../keys/master-keys.js';
import { Secrets } from '../keys/secrets.js';
import { SigningKeys } from '../keys/signing-keys.js';
import { ExpiredTokens } from '../retention/expired-tokens.js';
import { Retention } from '../retention/retention.js';
import { PasswordChange } from '../sessions/password-change.js';
import { Passwords } from '../sessions/passwords.js';
import { Sessions } from '../sessions/sessions.js';
import { SignInLimits } from '../sessions/sign-in-limits.js';
import { TokenIssuer } from '../tokens/token-issuer.js';
import { TokensService } from '../tokens/tokens.service.js';
import { UsersService } from '../users/users.service.js';

export const ADMIN_APPLICATION = 'portcullis-admin';
const POOL_SIZE = 4;

/** The events of a command wait in the outbox for a token-service: a relay that ends with the command would only be in its way. */
const NO_RELAY = { provide: OutboxRelay, useValue: { nudge: (): void => {} } };

/**
 * The part of the token-service that changes things, for one command: the same services, ledger and barrier, and none of what
 * runs in the background. It brings no schema up to date; that is for token-services.
 */
@Global()
@Module({})
export class AdminModule {
  static register(config: TokenServiceConfig): DynamicModule {
    const services = [
      AccessFeed, AccessLedger, GatewayLeases, GatewayProgress, LeasePool, RevocationBarrier,
      KeyRetirement, KeyRotation, MasterKeyRewrap, Secrets, SigningKeys,
      PasswordChange, Passwords, Sessions, SignInLimits,
      TokenIssuer, TokensService, UsersService,
      AuditPurge, ExpiredTokens, Retention,
    ]; // prettier-ignore
    return {
      module: AdminModule,
      imports: [
        TypeOrmModule.forRoot({
          ...dataSourceOptions(config.databaseUrl, POOL_SIZE, ADMIN_APPLICATION),
          retryAttempts: 0,
        }),
        MessagingModule.register({ servers: config.natsServers, files: config.natsFiles, name: ADMIN_APPLICATION }),
      ],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: MasterKeys, useFactory: () => new MasterKeys(config.masterKeys) },
        NO_RELAY,
        ...services,
      ],
      exports: [CONFIG],
    };
  }
}
