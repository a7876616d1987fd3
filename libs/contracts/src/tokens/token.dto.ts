import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, Length, Max, Min, ValidateIf } from 'class-validator';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ReceiptDto } from '../access/receipt.dto.js';
import { PageQuery } from '../paging/page.dto.js';
import { TOKEN_STATUSES, TOKEN_TYPES, USER_TYPES, type TokenStatus, type TokenType, type UserType } from '../roles.js';
import { IsDisplayName, IsPlainText } from '../validation/is-plain-text.js';

export const TOKEN_DAYS_MAX = 3650;

/** Largest id that is still exact as a JSON number. */
export const ID_MAX = Number.MAX_SAFE_INTEGER;
/** Largest user or team id (Postgres `integer`). */
export const USER_ID_MAX = 2_147_483_647;

export class CreateTokenDto {
  @ApiProperty({ minLength: 1, maxLength: 128, example: 'api-production', description: 'Unique per user' })
  @IsDisplayName(1, 128)
  name: string;

  @ApiPropertyOptional({
    type: 'integer',
    example: 123,
    description: 'A service user (Admin only). Left out: for oneself',
  })
  @ValidateIf((_, value) => value !== undefined)
  @Max(USER_ID_MAX)
  @Min(1)
  @IsInt()
  user_id?: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    minimum: 1,
    maximum: TOKEN_DAYS_MAX,
    example: 365,
    description: 'Days, or null for never',
  })
  @ValidateIf((_, value) => value !== null)
  @Max(TOKEN_DAYS_MAX)
  @Min(1)
  @IsInt()
  expires_in_days: number | null;

  @ApiPropertyOptional({
    default: false,
    description: 'A SCIM administration token: opens /scim/v2/* and nothing else (Admin only)',
  })
  @ValidateIf((_, value) => value !== undefined)
  @IsBoolean()
  scim?: boolean;
}

export class UpdateTokenDto {
  @ApiProperty({ description: 'true revokes, false restores' })
  @IsBoolean()
  revoke: boolean;

  @ApiPropertyOptional({
    default: false,
    description: 'With revoke: also revoke the tokens that were made with this one',
  })
  @ValidateIf((_, value) => value !== undefined)
  @IsBoolean()
  cascade?: boolean;
}

export const TOKEN_SORTS = ['id', 'name', 'user', 'status', 'created_at', 'expiration', 'last_used'] as const;
export type TokenSort = (typeof TOKEN_SORTS)[number] | `-${(typeof TOKEN_SORTS)[number]}`;
const TOKEN_SORT_VALUES = TOKEN_SORTS.flatMap((sort) => [sort, `-${sort}`]);

export class ListTokensQuery extends PageQuery {
  @ApiPropertyOptional({ enum: TOKEN_STATUSES })
  @IsOptional()
  @IsIn(TOKEN_STATUSES)
  status?: TokenStatus;

  @ApiPropertyOptional({ maxLength: 128, description: 'Part of the name of the token or its user' })
  @IsOptional()
  @Length(1, 128)
  @IsPlainText()
  q?: string;

  @ApiPropertyOptional({ enum: TOKEN_SORT_VALUES, default: '-id' })
  @IsOptional()
  @IsIn(TOKEN_SORT_VALUES)
  sort: TokenSort = '-id';
}

export class ListAllTokensQuery extends ListTokensQuery {
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value,
  )
  @Max(USER_ID_MAX)
  @Min(1)
  @IsInt()
  user_id?: number;

  @ApiPropertyOptional({ enum: TOKEN_TYPES })
  @IsOptional()
  @IsIn(TOKEN_TYPES)
  type?: TokenType;

  @ApiPropertyOptional({ description: 'SCIM administration tokens, or all others' })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  scim?: boolean;
}

export class TokenUserDto {
  @ApiProperty({ type: 'integer' })
  id: number;

  @ApiProperty({ example: 'api_access@service' })
  user_id: string;

  @ApiProperty()
  name: string;

  @ApiProperty({ enum: USER_TYPES })
  user_type: UserType;
}

export class TokenDto {
  @ApiProperty({ type: 'integer' })
  id: number;

  @ApiProperty()
  name: string;

  @ApiProperty({ enum: TOKEN_TYPES })
  type: TokenType;

  @ApiProperty({ description: 'A SCIM administration token' })
  scim: boolean;

  @ApiProperty({ description: 'Same as status Active' })
  active: boolean;

  @ApiProperty({ enum: TOKEN_STATUSES })
  status: TokenStatus;

  @ApiProperty({ format: 'date-time' })
  created_at: string;

  @ApiProperty({ type: 'integer', nullable: true })
  created_by_id: number | null;

  @ApiProperty({
    type: TokenUserDto,
    nullable: true,
    description: 'null: Portcullis itself, or someone who is deleted',
  })
  created_by: TokenUserDto | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The token that this one was made with' })
  parent_token_id: number | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'null: never' })
  expiration: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  last_used: string | null;

  @ApiProperty({ enum: ['Last Used', 'Not Used'] })
  usage_status: 'Last Used' | 'Not Used';

  @ApiProperty({ minLength: 4, maxLength: 4, description: 'The last four characters' })
  hint: string;

  @ApiProperty({ type: TokenUserDto })
  user: TokenUserDto;
}

export class CreatedTokenDto extends TokenDto {
  @ApiProperty({ description: 'The token itself: in this answer and never again' })
  bearer_token: string;
}

export class UpdatedTokenDto extends TokenDto {
  @ApiPropertyOptional({ type: 'integer', description: 'On revoking: how many active tokens were made with this one' })
  children?: number;

  @ApiProperty({ type: ReceiptDto })
  receipt: ReceiptDto;
}
