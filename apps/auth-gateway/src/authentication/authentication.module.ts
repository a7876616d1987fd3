import { Logger, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  AccessGuard,
  BearerAuthGuard,
  BearerStrategy,
  registerBearerStrategy,
  TokenVerifier,
} from '@portcullis/access-control';
import { AccessReplica } from '../access-view/access-replica.js';
import { AccessViewModule } from '../access-view/access-view.module.js';
import { systemClock } from '../access-view/clock.js';
import { InternalApiClient } from '../access-view/internal-api.client.js';
import { Lease } from '../access-view/lease.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { BearerGate } from './gate.js';
import { Introspection } from './introspection.js';
import { leaseAuthenticator } from './lease-authenticator.js';

const IGNORES_LEASE =
  'UNSAFE: PORTCULLIS_UNSAFE_TEST_IGNORE_LEASE is set: this gateway admits WITHOUT A LEASE, revoked tokens too';

/** One strategy for both ways in: the data path runs it through the gate, Nest's own routes through the guard. */
@Module({
  imports: [AccessViewModule],
  providers: [
    {
      provide: BearerStrategy,
      inject: [Lease, AccessReplica, TokenVerifier, InternalApiClient, GATEWAY_CONFIG],
      useFactory: (
        lease: Lease,
        replica: AccessReplica,
        verifier: TokenVerifier,
        api: InternalApiClient,
        config: GatewayConfig,
      ) => {
        const introspection = new Introspection(api, verifier, systemClock);
        const whenStale = config.whenStale === 'allow' ? 'allow' : introspection.decide;
        const { unsafeTestIgnoreLease } = config;
        if (unsafeTestIgnoreLease) new Logger('Authentication').warn(IGNORES_LEASE);
        return registerBearerStrategy(
          leaseAuthenticator({ lease, replica, verifier, clock: systemClock, whenStale, unsafeTestIgnoreLease }),
        );
      },
    },
    {
      provide: BearerGate,
      inject: [BearerStrategy],
      useFactory: (strategy: BearerStrategy) => new BearerGate(strategy),
    },
    { provide: APP_GUARD, useClass: BearerAuthGuard },
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [BearerGate],
})
export class AuthenticationModule {}
