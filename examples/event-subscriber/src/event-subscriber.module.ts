import { Module } from '@nestjs/common';
import { DurableEventsConsumer } from './durable-events.consumer.js';
import { LiveEventsController } from './live-events.controller.js';

@Module({ controllers: [LiveEventsController], providers: [DurableEventsConsumer] })
export class EventSubscriberModule {}
