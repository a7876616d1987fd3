import { Inject, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { NatsClient } from '@portcullis/messaging';
import { AccessFollower } from '../access-view/access-follower.js';
import { AccessViewModule } from '../access-view/access-view.module.js';
import { systemClock } from '../access-view/clock.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { usagePublisher } from './usage-publisher.js';
import { UsageReporter } from './usage-reporter.js';

/** Reports what was used. The last report is sent by `shutdown.ts`, before the lease that vouches for it is released. */
@Module({
  imports: [AccessViewModule],
  providers: [
    {
      provide: UsageReporter,
      inject: [GATEWAY_CONFIG, NatsClient, AccessFollower],
      useFactory: ({ instance }: GatewayConfig, nats: NatsClient, follower: AccessFollower) => {
        const logger = new Logger('Usage');
        return new UsageReporter({
          instance,
          clock: systemClock,
          identity: () => follower.identity,
          publish: usagePublisher(nats, instance),
          log: { info: (message) => logger.log(message), warn: (message) => logger.warn(message) },
        });
      },
    },
  ],
  exports: [UsageReporter],
})
export class UsageModule implements OnApplicationBootstrap {
  constructor(@Inject(UsageReporter) private readonly reporter: UsageReporter) {}

  onApplicationBootstrap(): void {
    this.reporter.start();
  }
}
