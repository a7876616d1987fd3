import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, NatsContext, Payload } from '@nestjs/microservices';
import { describe, type EventData } from './portcullis-event.js';

/** Hears events as they happen, and misses those that happen while it is away: see the durable consumer for these. */
@Controller()
export class LiveEventsController {
  /** One kind of event: the place to drop a cached session, close a connection, page somebody. */
  @EventPattern('portcullis.events.token.revoked')
  tokenRevoked(@Payload() data: EventData): void {
    console.log(`revoked ${describe(data)}`);
  }

  /** Every event, by a wildcard. */
  @EventPattern<string>('portcullis.events.>')
  anyEvent(@Payload() data: EventData, @Ctx() context: NatsContext): void {
    console.log(`live    ${describe(data)} on ${context.getSubject()}`);
  }
}
