import { Module } from '@nestjs/common';
import { HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { NatsClient } from '@portcullis/messaging';
import { AccessFollower } from '../access-view/access-follower.js';
import { AccessReplica } from '../access-view/access-replica.js';
import { AccessViewModule } from '../access-view/access-view.module.js';
import { Lease } from '../access-view/lease.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [AccessViewModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [
    {
      provide: Readiness,
      inject: [HealthIndicatorService, AccessReplica, Lease, AccessFollower, NatsClient, GATEWAY_CONFIG],
      useFactory: (
        indicators: HealthIndicatorService,
        replica: AccessReplica,
        lease: Lease,
        follower: AccessFollower,
        nats: NatsClient,
        { whenStale }: GatewayConfig,
      ) => new Readiness(indicators, { replica, lease, follower, nats, whenStale }),
    },
  ],
  exports: [Readiness],
})
export class HealthModule {}
