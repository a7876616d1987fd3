import { Module } from '@nestjs/common';
import { OutboxRelay } from './outbox-relay.js';
import { OutboxRetention } from './outbox-retention.js';
import { TokenExpiry } from './token-expiry.js';

/** Needs EVENTS_OPTIONS, DataSource and NatsClient from global modules. */
@Module({
  providers: [OutboxRelay, OutboxRetention, TokenExpiry],
  exports: [OutboxRelay],
})
export class EventsModule {}
