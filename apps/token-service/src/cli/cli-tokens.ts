import { Inject, Injectable } from '@nestjs/common';
import { CLI_TOKEN_DAYS, type CreatedTokenDto, Problem } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import type { Actor } from '../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { TokenIssuer } from '../tokens/token-issuer.js';

const ATTEMPTS_MAX = 5;

/** Makes the personal tokens of programs that a person has approved. */
@Injectable()
export class CliTokens {
  constructor(
    private readonly dataSource: DataSource,
    private readonly issuer: TokenIssuer,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  get days(): number {
    return Math.min(CLI_TOKEN_DAYS, this.config.maxTokenDays ?? CLI_TOKEN_DAYS);
  }

  /** `CLI on <hostname>`, with the first number from 2 that makes it free. */
  async freeName(userId: number, hostname: string): Promise<string> {
    const wanted = `CLI on ${hostname}`;
    const rows = await this.dataSource.query<{ name: string }[]>(NAMES_SQL, [userId, wanted]);
    return firstFree(wanted, new Set(rows.map(({ name }) => name)));
  }

  /** @throws Problem as {@link TokenIssuer.issue} */
  async issue(hostname: string, actor: Actor): Promise<CreatedTokenDto> {
    for (let attempt = 1; ; attempt++) {
      const name = await this.freeName(actor.userId!, hostname);
      try {
        return await this.issuer.issue({ name, expires_in_days: this.days }, actor);
      } catch (error) {
        const isTaken = error instanceof Problem && error.code === 'token_name_taken';
        if (!isTaken || attempt === ATTEMPTS_MAX) throw error; // another program of this name was quicker
      }
    }
  }
}

export function firstFree(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  let number = 2;
  while (taken.has(`${wanted} ${number}`)) number += 1;
  return `${wanted} ${number}`;
}

const NAMES_SQL = `SELECT name FROM tokens WHERE user_id = $1 AND (name = $2 OR starts_with(name, $2 || ' '))`;
