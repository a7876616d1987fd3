import { Module } from '@nestjs/common';
import { DatastoresController } from './datastores.controller.js';
import { DatastoresService } from './datastores.service.js';
import { HealthController } from './health.controller.js';

@Module({ controllers: [DatastoresController, HealthController], providers: [DatastoresService] })
export class DatastoresModule {}
