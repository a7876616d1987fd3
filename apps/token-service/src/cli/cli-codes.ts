import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Problem, type Role } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { secretHash, type Session } from '../sessions/session.js';

const CODE_SECONDS = 60;
/** Codes of one session that wait to be redeemed; more than a person can approve in a minute. */
const PER_SESSION_MAX = 20;

/** RFC 6749 section 5.2: one answer, whatever is wrong with the code or the verifier. */
const INVALID_GRANT = new Problem(400, 'invalid_grant', 'The code is unknown, used or too old, or the code_verifier is not its own', {
  errors: [{ field: 'code', message: 'is not good' }],
}); // prettier-ignore

/** What a person has approved, for a program that can show the verifier. */
export interface Approval {
  user_id: number;
  user_name: string;
  role: Role;
  hostname: string;
}

interface CodeRow extends Approval {
  code_challenge: string;
  is_good: boolean;
}

/** Codes that stand for an approval: good for a minute and for one try, and only together with the verifier (RFC 7636). */
@Injectable()
export class CliCodes {
  constructor(private readonly dataSource: DataSource) {}

  /** @returns the code; only its hash is stored, and it ends with the session that approved it */
  async issue(session: Session, codeChallenge: string, hostname: string): Promise<string> {
    const code = randomBytes(32).toString('base64url');
    const values = [secretHash(code), session.id, codeChallenge, hostname, CODE_SECONDS, PER_SESSION_MAX];
    const rows = await this.dataSource.query<unknown[]>(ISSUE_SQL, values);
    if (rows.length > 0) return code;
    throw new Problem(429, 'too_many_codes', 'Too many programs wait for a token; try again in a minute', {
      headers: { 'Retry-After': String(CODE_SECONDS) },
    });
  }

  /**
   * Takes the code, for good, also when the verifier is wrong: a second try is one of somebody else.
   * @throws Problem 400 `invalid_grant`
   */
  async redeem(code: string, codeVerifier: string): Promise<Approval> {
    const [rows] = await this.dataSource.query<[CodeRow[], number]>(REDEEM_SQL, [secretHash(code)]);
    const row = rows[0];
    if (!row?.is_good || !challengeMatches(row.code_challenge, codeVerifier)) throw INVALID_GRANT;
    return row;
  }
}

/** RFC 7636 section 4.6, S256. */
export function challengeMatches(codeChallenge: string, codeVerifier: string): boolean {
  const expected = createHash('sha256').update(codeVerifier, 'ascii').digest();
  const given = Buffer.from(codeChallenge, 'base64url');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const ISSUE_SQL = `
  INSERT INTO cli_codes (code_hash, session_id, code_challenge, hostname, expires_at)
  SELECT $1, $2, $3, $4, now() + make_interval(secs => $5)
  WHERE (SELECT count(*) FROM cli_codes WHERE session_id = $2 AND expires_at > now()) < $6
  RETURNING session_id`;
const REDEEM_SQL = `
  DELETE FROM cli_codes c USING sessions s JOIN users u ON u.id = s.user_id
  WHERE c.code_hash = $1 AND s.id = c.session_id
  RETURNING c.code_challenge, c.hostname, c.expires_at > now() AND u.active AS is_good, u.id AS user_id, u.user_id AS user_name, u.role`;
