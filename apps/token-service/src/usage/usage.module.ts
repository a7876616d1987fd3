import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { UsageConsumer } from './usage-consumer.js';
import { UsageIntake } from './usage-intake.js';
import { UsageLedger } from './usage-ledger.js';

/** Needs USAGE_OPTIONS, LeaseKeys, DataSource and NatsClient from global modules. */
@Module({
  imports: [EventsModule],
  providers: [UsageLedger, UsageConsumer, UsageIntake],
  exports: [UsageConsumer, UsageIntake],
})
export class UsageModule {}
