import { Module } from '@nestjs/common';
import { OutboxRelay } from './outbox-relay.js';
import { TokenExpiry } from './token-expiry.js';

/** Needs EVENTS_OPTIONS, DataSource and NatsClient from global modules. */
@Module({
  providers: [OutboxRelay, TokenExpiry],
  exports: [OutboxRelay],
})
export class EventsModule {}
