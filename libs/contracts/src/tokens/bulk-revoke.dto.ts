import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  Matches,
  Max,
  Min,
  ValidateIf,
} from 'class-validator';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ReceiptDto } from '../access/receipt.dto.js';
import { TOKEN_TYPES, type TokenType } from '../roles.js';
import { ID_MAX, TokenUserDto, USER_ID_MAX } from './token.dto.js';

export const BULK_REVOKE_IDS_MAX = 10_000;
/** More than these are counted and not listed. */
export const BULK_REVOKE_LISTED_MAX = 1_000;

const given = (_: object, value: unknown): boolean => value !== undefined;
/** RFC 3339, in UTC, whole seconds or finer. */
const TIME = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z$/;

/** Which active tokens to revoke. What is given must all be true of a token; one at least must be given. */
export class BulkRevokeDto {
  @ApiPropertyOptional({ type: 'integer', description: 'Tokens of this user' })
  @ValidateIf(given)
  @Max(USER_ID_MAX)
  @Min(1)
  @IsInt()
  user_id?: number;

  @ApiPropertyOptional({ enum: TOKEN_TYPES })
  @ValidateIf(given)
  @IsIn(TOKEN_TYPES)
  type?: TokenType;

  @ApiPropertyOptional({ format: 'date-time', example: '2026-11-21T12:00:00Z' })
  @ValidateIf(given)
  @IsISO8601({ strict: true })
  @Matches(TIME, { message: 'issued_before must be a time in UTC like 2026-11-21T12:00:00Z' })
  issued_before?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Not used since then, or never' })
  @ValidateIf(given)
  @IsISO8601({ strict: true })
  @Matches(TIME, { message: 'unused_since must be a time in UTC like 2026-11-21T12:00:00Z' })
  unused_since?: string;

  @ApiPropertyOptional({ type: [Number], minItems: 1, maxItems: BULK_REVOKE_IDS_MAX })
  @ValidateIf(given)
  @Max(ID_MAX, { each: true })
  @Min(1, { each: true })
  @IsInt({ each: true })
  @ArrayUnique()
  @ArrayMaxSize(BULK_REVOKE_IDS_MAX)
  @ArrayMinSize(1)
  @IsArray()
  ids?: number[];

  @ApiPropertyOptional({ default: false, description: 'Shows what it would revoke, and revokes nothing' })
  @ValidateIf(given)
  @IsBoolean()
  dry_run?: boolean;
}

export class BulkRevokedTokenDto {
  @ApiProperty({ type: 'integer' })
  id: number;

  @ApiProperty()
  name: string;

  @ApiProperty({ type: TokenUserDto })
  user: TokenUserDto;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  last_used: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Where it was last used from' })
  last_ip: string | null;

  @ApiProperty({ description: 'Used within the last hour: somebody will notice' })
  used_in_last_hour: boolean;
}

export class BulkRevokeResultDto {
  @ApiProperty({ type: 'integer', description: 'How many tokens were revoked, or would be' })
  count: number;

  @ApiProperty({ type: 'integer', description: 'How many of them were used within the last hour' })
  used_in_last_hour: number;

  @ApiProperty({ type: [BulkRevokedTokenDto], description: `${BULK_REVOKE_LISTED_MAX} at most, the last used first` })
  tokens: BulkRevokedTokenDto[];

  @ApiProperty()
  dry_run: boolean;

  @ApiPropertyOptional({ type: ReceiptDto, description: 'Absent on a dry run' })
  receipt?: ReceiptDto;
}
