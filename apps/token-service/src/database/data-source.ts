import { Logger } from '@nestjs/common';
import type { DataSourceOptions } from 'typeorm';
import { Team } from '../teams/team.entity.js';
import { Token } from '../tokens/token.entity.js';
import { User } from '../users/user.entity.js';
import { Foundation1763700000000 } from './migrations/1763700000000-foundation.js';
import { Scim1763800000000 } from './migrations/1763800000000-scim.js';
import { Sessions1763810000000 } from './migrations/1763810000000-sessions.js';
import { Operations1763820000000 } from './migrations/1763820000000-operations.js';
import { Upkeep1763830000000 } from './migrations/1763830000000-upkeep.js';
import { VoidTokens1763840000000 } from './migrations/1763840000000-void-tokens.js';
import { ScimUpkeep1763850000000 } from './migrations/1763850000000-scim-upkeep.js';
import { withSettings } from './session-settings.js';

export const MIGRATIONS = [
  Foundation1763700000000,
  Scim1763800000000,
  Sessions1763810000000,
  Operations1763820000000,
  Upkeep1763830000000,
  VoidTokens1763840000000,
  ScimUpkeep1763850000000,
];

const logger = new Logger('Database');

/** A session that stands still in a transaction would hold up every revoke: Postgres ends it. */
const SETTINGS = [
  'statement_timeout=15s',
  'lock_timeout=10s',
  'idle_in_transaction_session_timeout=5s',
  'timezone=UTC',
];

/** Tells token-services from other programs among Postgres's sessions. */
export const TOKEN_SERVICE_APPLICATION = 'portcullis-token-service';

export function dataSourceOptions(
  databaseUrl: string,
  poolSize: number,
  applicationName = TOKEN_SERVICE_APPLICATION,
): DataSourceOptions {
  const { connectionString, options } = withSettings(databaseUrl, SETTINGS);
  return {
    type: 'postgres',
    url: connectionString,
    applicationName,
    entities: [User, Team, Token],
    migrations: MIGRATIONS,
    migrationsRun: false,
    synchronize: false,
    parseInt8: true,
    poolSize,
    connectTimeoutMS: 3_000,
    poolErrorHandler: (error: Error) => logger.warn(`An idle database connection was lost: ${error.message}`),
    // pipeline: statements that don't wait for each other share a round trip.
    // query_timeout: on this side, for a connection whose other end is gone and says nothing.
    extra: { options, keepAlive: true, query_timeout: 20_000, pipeline: true },
  };
}
