import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SYSTEM_ACTOR } from '../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { TokenIssuer } from '../tokens/token-issuer.js';
import { TokensService } from '../tokens/tokens.service.js';
import { UsersService } from '../users/users.service.js';
import { hashPassword } from '../sessions/password-hash.js';
import { writeSecretFile } from './secret-file.js';

const ADMIN = 'admin';
const TOKEN_NAME = 'admin-token';
const TOKEN_DAYS = 30;
/** Any constant that nothing else locks: one replica at a time looks whether there is an Admin yet. */
const BOOTSTRAP_LOCK = 7_267_001;

/**
 * On an empty database: makes the user `admin` and writes `admin-password` and `admin-token`, readable by their owner only.
 * A file is written before what it belongs to is committed, so a stop in between leaves no Admin whose password nobody knows;
 * the next start begins again.
 */
@Injectable()
export class FirstAdmin implements OnApplicationBootstrap {
  readonly #logger = new Logger(FirstAdmin.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly users: UsersService,
    private readonly issuer: TokenIssuer,
    private readonly tokens: TokensService,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const folder = this.config.bootstrapDir;
    if (!folder) return;
    await this.alone(async () => {
      await this.makeAdminIfNobodyIsThere(join(folder, 'admin-password'));
      await this.issueTokenIfDue(join(folder, 'admin-token'));
    });
  }

  private async makeAdminIfNobodyIsThere(file: string): Promise<void> {
    const [{ somebody } = { somebody: true }] = await this.dataSource.query<{ somebody: boolean }[]>(
      'SELECT EXISTS (SELECT FROM users) AS somebody',
    );
    if (somebody) return;
    const password = randomBytes(18).toString('base64url');
    await writeSecretFile(file, password);
    const dto = {
      name: 'Admin',
      role: 'Admin',
      user_type: 'User',
      user_name: ADMIN,
      email: 'admin@example.com',
    } as const;
    await this.users.create(dto, SYSTEM_ACTOR, await hashPassword(password));
    this.#logger.log(`Made the user ${ADMIN}; the password is in ${file}`);
  }

  /** Makes the first token, and a new one when it has expired. One that was revoked stays revoked. */
  private async issueTokenIfDue(file: string): Promise<void> {
    const [admin] = await this.dataSource.query<{ id: number; token_id: number | null; expired: boolean }[]>(
      ADMIN_SQL,
      [ADMIN, TOKEN_NAME],
    );
    if (!admin || (admin.token_id !== null && !admin.expired)) return;
    if (admin.token_id !== null) await this.tokens.delete(admin.token_id, SYSTEM_ACTOR);
    await this.dataSource.transaction(async (manager) => {
      const dto = { name: TOKEN_NAME, expires_in_days: this.tokenDays() };
      const { bearer_token } = await this.issuer.issueIn(manager, dto, SYSTEM_ACTOR, admin.id);
      await writeSecretFile(file, bearer_token);
    });
    this.#logger.log(`Made an Admin token of ${this.tokenDays()} days; it is in ${file}`);
  }

  private tokenDays(): number {
    return Math.min(TOKEN_DAYS, this.config.maxTokenDays ?? TOKEN_DAYS);
  }

  /** Replicas that start together take turns. */
  private async alone(work: () => Promise<void>): Promise<void> {
    const runner = this.dataSource.createQueryRunner();
    try {
      await runner.query('SELECT pg_advisory_lock($1)', [BOOTSTRAP_LOCK]);
      await work();
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [BOOTSTRAP_LOCK]);
      await runner.release();
    }
  }
}

const ADMIN_SQL = `
  SELECT u.id, t.id AS token_id, coalesce(t.expires_at <= now() AND t.revoked_at IS NULL, false) AS expired
  FROM users u LEFT JOIN tokens t ON t.user_id = u.id AND t.name = $2
  WHERE u.user_id = $1 AND u.role = 'Admin' AND u.active`;
