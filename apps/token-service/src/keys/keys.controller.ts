import { Body, Controller, Get, HttpCode, Injectable, Param, type PipeTransform, Post } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RequiresRole } from '@portcullis/access-control';
import { invalidField, RetiredKeyDto, RetireKeyDto, RotatedKeyDto, SigningKeysDto } from '@portcullis/contracts';
import type { AccessOutcome } from '../access/access-outcome.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../authentication/current-caller.js';
import { KeyRetirement } from './key-retirement.js';
import { KeyRotation } from './key-rotation.js';

@Injectable()
class KidPipe implements PipeTransform<string, string> {
  transform(kid: string): string {
    if (/^[0-9a-f]{16}$/.test(kid)) return kid;
    throw invalidField('kid', 'must be 16 hexadecimal digits');
  }
}

@ApiTags('Keys')
@Controller('api/keys')
export class KeysController {
  constructor(
    private readonly rotation: KeyRotation,
    private readonly retirement: KeyRetirement,
  ) {}

  /** The keys that tokens are signed with; of the keys themselves, nothing. */
  @Get()
  @RequiresRole('Admin')
  @ApiOkResponse({ type: SigningKeysDto })
  async findAll(): Promise<SigningKeysDto> {
    return { keys: await this.retirement.list() };
  }

  /** Signs new tokens with a new key, once every gateway has it. Tokens of the one before live on. */
  @Post('rotate')
  @RequiresRole('Admin')
  @HttpCode(200)
  @ApiOkResponse({ type: RotatedKeyDto })
  rotate(@CurrentActor() actor: Actor): Promise<RotatedKeyDto> {
    return this.rotation.rotate(actor);
  }

  /** Ends a key and every token that it has signed, everywhere, before this answers; `dry_run` says how many first. */
  @Post(':kid/retire')
  @RequiresRole('Admin')
  @HttpCode(200)
  @ApiOkResponse({ type: RetiredKeyDto })
  retire(
    @Param('kid', KidPipe) kid: string,
    @Body() { dry_run: isDryRun }: RetireKeyDto,
    @CurrentActor() actor: Actor,
  ): Promise<RetiredKeyDto | AccessOutcome<RetiredKeyDto>> {
    return isDryRun ? this.retirement.preview(kid) : this.retirement.retire(kid, actor);
  }
}
