import { Module } from '@nestjs/common';
import { AccessFollower } from '../access-view/access-follower.js';
import { AccessReplica } from '../access-view/access-replica.js';
import { AccessViewModule } from '../access-view/access-view.module.js';
import { Lease } from '../access-view/lease.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [AccessViewModule],
  controllers: [HealthController],
  providers: [
    {
      provide: Readiness,
      inject: [AccessReplica, Lease, AccessFollower],
      useFactory: (replica: AccessReplica, lease: Lease, follower: AccessFollower) =>
        new Readiness(replica, lease, follower),
    },
  ],
  exports: [Readiness],
})
export class HealthModule {}
