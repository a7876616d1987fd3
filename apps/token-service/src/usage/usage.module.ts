import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { TokenUsage } from './token-usage.js';
import { UsageConsumer } from './usage-consumer.js';
import { UsageIntake } from './usage-intake.js';
import { UsageLedger } from './usage-ledger.js';

/** Needs USAGE_OPTIONS, LeaseKeys, DataSource and NatsClient from global modules. */
@Module({
  imports: [EventsModule],
  providers: [TokenUsage, UsageLedger, UsageConsumer, UsageIntake],
  exports: [TokenUsage, UsageConsumer, UsageIntake],
})
export class UsageModule {}
