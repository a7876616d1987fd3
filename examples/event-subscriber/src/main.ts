import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { EventSubscriberModule } from './event-subscriber.module.js';
import { connection } from './nats-servers.js';

// A stock Nest microservice: nothing of Portcullis is imported, only its subjects are known.
const app = await NestFactory.createMicroservice<MicroserviceOptions>(EventSubscriberModule, {
  transport: Transport.NATS,
  // Nest's NATS client is @nats-io/transport-node; without a bound it goes on reconnecting for ever.
  options: { ...connection, maxReconnectAttempts: -1, reconnectTimeWait: 1_000, waitOnFirstConnect: true },
});
app.enableShutdownHooks();
await app.listen();
new Logger('EventSubscriber').log('listening for events');
