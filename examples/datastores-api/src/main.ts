import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DatastoresModule } from './datastores.module.js';

// An ordinary API. It knows nothing of tokens: the gateway in front of it checks them, and says who is calling.
const app = await NestFactory.create<NestFastifyApplication>(DatastoresModule, new FastifyAdapter());
app.enableShutdownHooks();
await app.listen(Number(process.env['PORT'] ?? 4001), process.env['HOST'] ?? '127.0.0.1');
new Logger('DatastoresApi').log(`listening on ${await app.getUrl()}`);
