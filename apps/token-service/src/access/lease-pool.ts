import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import { nameOf } from '../database/prepared.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';

const CONNECTIONS = 4;

/** Database connections that only leases use, so that load on the API can't keep gateways from renewing. */
@Injectable()
export class LeasePool implements OnApplicationShutdown {
  readonly #logger = new Logger(LeasePool.name);
  readonly #pool: pg.Pool;

  constructor(@Inject(CONFIG) config: TokenServiceConfig) {
    this.#pool = new pg.Pool({
      connectionString: config.databaseUrl,
      application_name: 'portcullis-leases',
      max: CONNECTIONS,
      connectionTimeoutMillis: 2_000,
      statement_timeout: 5_000,
      query_timeout: 6_000, // a connection whose other end is gone says nothing
      idle_in_transaction_session_timeout: 5_000,
      keepAlive: true,
      types: { getTypeParser: numericInt8 as typeof pg.types.getTypeParser },
    });
    this.#pool.on('error', (error) => this.#logger.warn(`An idle database connection was lost: ${error.message}`));
  }

  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
    return (await this.#pool.query<Row>({ name: nameOf(text), text, values })).rows;
  }

  /** How many connections there are, how many of them have nothing to do, and how many callers wait for one. */
  get use(): Pick<pg.Pool, 'totalCount' | 'idleCount' | 'waitingCount'> {
    return this.#pool;
  }

  onApplicationShutdown(): Promise<void> {
    return this.#pool.end();
  }
}

/** `bigint` as a number: ledger numbers stay far below 2^53. */
function numericInt8(oid: number, format?: 'text' | 'binary'): unknown {
  return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text');
}
