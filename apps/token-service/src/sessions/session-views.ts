import { Inject, Injectable } from '@nestjs/common';
import type { SessionDto } from '@portcullis/contracts';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { isoSeconds } from '../database/iso-seconds.js';
import { userDto } from '../users/user-views.js';
import { UsersService } from '../users/users.service.js';
import type { Session } from './session.js';

/** What is shown of a session. */
@Injectable()
export class SessionViews {
  constructor(
    private readonly users: UsersService,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** @throws Problem 404 when the user was deleted in this moment */
  async sessionDto({ principal, signedInAt, expiresAt }: Session): Promise<SessionDto> {
    return {
      user: userDto(await this.users.get(principal.id)),
      signed_in_at: isoSeconds(signedInAt),
      expires_at: isoSeconds(expiresAt),
      idle_seconds: this.config.sessionIdleMinutes * 60,
    };
  }
}
