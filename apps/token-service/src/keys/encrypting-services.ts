import type { QueryResultRow } from 'pg';
import { TOKEN_SERVICE_APPLICATION } from '../database/data-source.js';

export interface EncryptingService {
  /** The master key that it wraps new keys with; null: it is of a version that doesn't say so. */
  master_key_id: string | null;
  sessions: number;
}

/** Anything that runs SQL and gives rows. */
interface Database {
  query(sql: string, values: unknown[]): Promise<EncryptingService[] | { rows: QueryResultRow[] }>;
}

/** How a token-service names itself to Postgres, so that others see which master key it wraps with. */
export function applicationName(masterKeyId: string): string {
  return `${TOKEN_SERVICE_APPLICATION}/${masterKeyId}`;
}

/** The token-services that are connected to this database, by the master key that each wraps with. */
export async function encryptingServices(database: Database): Promise<EncryptingService[]> {
  const found = await database.query(SERVICES_SQL, [TOKEN_SERVICE_APPLICATION]);
  return (Array.isArray(found) ? found : found.rows) as EncryptingService[];
}

const SERVICES_SQL = `
  SELECT nullif(split_part(application_name, '/', 2), '') AS master_key_id, count(*)::integer AS sessions
  FROM pg_stat_activity WHERE datname = current_database() AND split_part(application_name, '/', 1) = $1
  GROUP BY 1 ORDER BY 1`;
