import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { prepared } from '../database/prepared.js';
import { holdsSql, secretHash, type Session, SESSION_COLUMNS_SQL, sessionOf, type SessionRow } from './session.js';

/** The oldest ones end when there are more. */
const PER_USER_MAX = 20;

/** The sessions of people who have signed in with a password. All of it is in Postgres: each request asks whether it still holds. */
@Injectable()
export class Sessions {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /**
   * @param isUsed being used is what keeps a session from running out
   * @returns the session of a cookie's secret, if it holds
   */
  async find(secret: string, isUsed = true): Promise<Session | undefined> {
    const [row] = await prepared<SessionRow>(this.dataSource, FIND_SQL, [
      secretHash(secret),
      this.config.sessionIdleMinutes,
    ]);
    if (!row) return undefined;
    if (row.is_due && isUsed)
      await this.dataSource.query('UPDATE sessions SET last_seen_at = now() WHERE id = $1', [row.session_id]);
    return sessionOf(row);
  }

  /** Begins a session, in the transaction that has made sure of its user. @returns the secret for the cookie */
  async begin(manager: EntityManager, userId: number): Promise<string> {
    const secret = randomBytes(32).toString('base64url');
    await manager.query(BEGIN_SQL, [userId, secretHash(secret), this.config.sessionHours]);
    await manager.query(END_OLDEST_SQL, [userId, PER_USER_MAX]);
    return secret;
  }

  /** Ends the session of a cookie's secret, if there is one. @returns whose it was */
  async end(manager: EntityManager, secret: string): Promise<number | undefined> {
    const [rows] = await manager.query<[{ user_id: number }[], number]>(END_SQL, [secretHash(secret)]);
    return rows[0]?.user_id;
  }

  /** Ends all sessions of a user but one. */
  async endOthers(manager: EntityManager, userId: number, keptId: number | undefined): Promise<void> {
    await manager.query('DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2::bigint', [
      userId,
      keptId ?? null,
    ]);
  }
}

const FIND_SQL = `
  SELECT ${SESSION_COLUMNS_SQL} FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.secret_hash = $1 AND ${holdsSql('$2')}`;
const BEGIN_SQL = `
  INSERT INTO sessions (user_id, secret_hash, expires_at) VALUES ($1, $2, now() + make_interval(hours => $3))`;
const END_OLDEST_SQL = `
  DELETE FROM sessions WHERE user_id = $1 AND id IN (
    SELECT id FROM sessions WHERE user_id = $1 ORDER BY id DESC OFFSET $2)`;
const END_SQL = 'DELETE FROM sessions WHERE secret_hash = $1 RETURNING user_id';
