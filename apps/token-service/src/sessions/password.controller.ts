import { Body, Controller, HttpCode, Param, Put } from '@nestjs/common';
import { ApiNoContentResponse, ApiTags } from '@nestjs/swagger';
import { Authenticated } from '@portcullis/access-control';
import { ChangePasswordDto } from '@portcullis/contracts';
import type { Actor } from '../audit/actor.js';
import { CurrentActor, CurrentSession } from '../authentication/current-caller.js';
import { LiveUpdates } from '../live-updates/live-updates.js';
import { UserIdPipe } from '../openapi/id.pipe.js';
import { PasswordChange } from './password-change.js';
import type { Session } from './session.js';

@ApiTags('Users')
@Controller('api/users/:id/password')
export class PasswordController {
  constructor(
    private readonly passwords: PasswordChange,
    private readonly liveUpdates: LiveUpdates,
  ) {}

  /** One's own password, with the old one; as an Admin another person's, without. All their other sessions end. */
  @Put()
  @Authenticated()
  @HttpCode(204)
  @ApiNoContentResponse()
  async change(
    @Param('id', UserIdPipe) id: number,
    @Body() dto: ChangePasswordDto,
    @CurrentActor() actor: Actor,
    @CurrentSession() session: Session | undefined,
  ): Promise<void> {
    await this.passwords.change(id, dto, actor, session?.id);
    this.liveUpdates.recheck();
  }
}
