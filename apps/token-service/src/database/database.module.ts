import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { applicationName } from '../keys/encrypting-services.js';
import { MasterKeys } from '../keys/master-keys.js';
import { dataSourceOptions } from './data-source.js';

const POOL_SIZE = 20;
/** Any constant that nothing else locks. */
const MIGRATION_LOCK = 7_267_000;

@Module({})
export class DatabaseModule {
  static register(): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [CONFIG, MasterKeys],
          useFactory: (config: TokenServiceConfig, masterKeys: MasterKeys) =>
            dataSourceOptions(config.databaseUrl, POOL_SIZE, applicationName(masterKeys.currentId)),
          dataSourceFactory: (options) => openMigrated(options!),
        }),
      ],
    };
  }
}

/** Connects, and brings the schema up to date; replicas that start together take turns. */
export async function openMigrated(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new DataSource(options).initialize();
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query(`SET lock_timeout = '60s'; SET statement_timeout = '5min'`);
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await dataSource.runMigrations({ transaction: 'each' });
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    await runner.query('RESET lock_timeout; RESET statement_timeout');
  } catch (error) {
    await dataSource.destroy();
    throw error;
  } finally {
    await runner.release();
  }
  return dataSource;
}
