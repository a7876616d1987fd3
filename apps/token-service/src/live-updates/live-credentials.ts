import { Inject, Injectable } from '@nestjs/common';
import type { Role } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { holdsSql } from '../sessions/session.js';
import type { StreamCredential } from './event-stream-connection.js';

interface HeldRow {
  kind: 'session' | 'token';
  id: number;
  role: Role;
}

/** Looks many credentials up at once: which still hold, and what their owners may see. */
@Injectable()
export class LiveCredentials {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** @returns the role of the owner, for each of these credentials that holds */
  async roles(credentials: readonly StreamCredential[]): Promise<(credential: StreamCredential) => Role | undefined> {
    const rows = await this.dataSource.query<HeldRow[]>(HELD_SQL, [
      credentials.flatMap((credential) => ('sessionId' in credential ? [credential.sessionId] : [])),
      credentials.flatMap((credential) => ('tokenId' in credential ? [credential.tokenId] : [])),
      this.config.sessionIdleMinutes,
    ]);
    const held = new Map(rows.map(({ kind, id, role }) => [`${kind} ${id}`, role]));
    return (credential) => held.get(keyOf(credential));
  }
}

function keyOf(credential: StreamCredential): string {
  return 'sessionId' in credential ? `session ${credential.sessionId}` : `token ${credential.tokenId}`;
}

const HELD_SQL = `
  SELECT 'session' AS kind, s.id, u.role FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.id = ANY($1::bigint[]) AND ${holdsSql('$3')}
  UNION ALL
  SELECT 'token', t.id, u.role FROM tokens t JOIN users u ON u.id = t.user_id
  WHERE t.id = ANY($2::bigint[]) AND u.active AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
    AND NOT EXISTS (SELECT FROM signing_keys WHERE kid = t.kid AND state = 'retired')`;
