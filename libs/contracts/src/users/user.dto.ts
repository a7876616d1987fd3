import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsEmail,
  IsIn,
  IsOptional,
  Length,
  Matches,
  ValidateIf,
} from 'class-validator';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQuery } from '../paging/page.dto.js';
import { ROLES, USER_TYPES, type Role, type UserType } from '../roles.js';
import { IsDisplayName, IsPlainText } from '../validation/is-plain-text.js';

const TEAMS_PER_USER_MAX = 100;
const given = (_: object, value: unknown): boolean => value !== undefined;

export class CreateUserDto {
  @ApiProperty({ minLength: 1, maxLength: 128, example: 'API Access' })
  @IsDisplayName(1, 128)
  name: string;

  @ApiProperty({ enum: ROLES, example: 'Editor' })
  @IsIn(ROLES)
  role: Role;

  @ApiPropertyOptional({
    type: [String],
    default: [],
    example: ['Data Engineering'],
    description: 'Names; everyone is in Public',
  })
  @ValidateIf(given)
  @Length(1, 128, { each: true })
  @IsPlainText({ each: true })
  @ArrayUnique()
  @ArrayMaxSize(TEAMS_PER_USER_MAX)
  @IsArray()
  teams?: string[];

  @ApiPropertyOptional({ enum: USER_TYPES, default: 'Service' })
  @ValidateIf(given)
  @IsIn(USER_TYPES)
  user_type?: UserType;

  @ApiPropertyOptional({ format: 'email', description: 'Of a person, required; service users get the configured one' })
  @ValidateIf((dto: CreateUserDto) => dto.user_type === 'User' || dto.email !== undefined)
  @Length(3, 254)
  @IsEmail()
  email?: string;

  @ApiPropertyOptional({ description: 'Of a person: what they sign in with; their email when left out' })
  @ValidateIf(given)
  @Matches(/^[\p{L}\p{N}][\p{L}\p{N}._%+@-]{0,253}$/u, {
    message: 'user_name must start with a letter or digit and hold only letters, digits and . _ % + @ -',
  })
  user_name?: string;
}

export class UpdateUserDto {
  @ApiPropertyOptional({ minLength: 1, maxLength: 128 })
  @ValidateIf(given)
  @IsDisplayName(1, 128)
  name?: string;

  @ApiPropertyOptional({ enum: ROLES })
  @ValidateIf(given)
  @IsIn(ROLES)
  role?: Role;

  @ApiPropertyOptional({ type: [String] })
  @ValidateIf(given)
  @Length(1, 128, { each: true })
  @IsPlainText({ each: true })
  @ArrayUnique()
  @ArrayMaxSize(TEAMS_PER_USER_MAX)
  @IsArray()
  teams?: string[];

  @ApiPropertyOptional()
  @ValidateIf(given)
  @IsBoolean()
  active?: boolean;
}

export const USER_SORTS = ['id', 'name', 'role'] as const;
export type UserSort = (typeof USER_SORTS)[number] | `-${(typeof USER_SORTS)[number]}`;
const USER_SORT_VALUES = USER_SORTS.flatMap((sort) => [sort, `-${sort}`]);

export class ListUsersQuery extends PageQuery {
  @ApiPropertyOptional({ enum: USER_TYPES })
  @IsOptional()
  @IsIn(USER_TYPES)
  type?: UserType;

  @ApiPropertyOptional({ maxLength: 128, description: 'Part of the name, user_id or email' })
  @IsOptional()
  @Length(1, 128)
  @IsPlainText()
  q?: string;

  @ApiPropertyOptional({ enum: USER_SORT_VALUES, default: 'id', description: 'role: from the least to the most' })
  @IsOptional()
  @IsIn(USER_SORT_VALUES)
  sort: UserSort = 'id';
}

export class UserListingQuery {
  @ApiPropertyOptional({ enum: USER_TYPES })
  @IsOptional()
  @IsIn(USER_TYPES)
  type?: UserType;
}

export class UserListingDto {
  @ApiProperty({ type: 'integer' })
  id: number;

  @ApiProperty()
  user_id: string;

  @ApiProperty()
  name: string;

  @ApiProperty({ enum: USER_TYPES })
  user_type: UserType;
}

export class UserDto {
  @ApiProperty({ type: 'integer', description: 'Never changes' })
  id: number;

  @ApiProperty({ example: 'api_access@service' })
  user_id: string;

  @ApiProperty()
  user_name: string;

  @ApiProperty()
  email: string;

  @ApiProperty()
  name: string;

  @ApiProperty({ enum: USER_TYPES })
  user_type: UserType;

  @ApiProperty({ enum: ROLES })
  role: Role;

  @ApiProperty({ type: [String] })
  teams: string[];

  @ApiProperty()
  active: boolean;

  @ApiProperty({ format: 'date-time' })
  created_at: string;

  @ApiProperty({ type: 'integer', nullable: true })
  created_by_id: number | null;

  @ApiProperty({
    description: 'Can sign in with a password; a person without one signs in with an identity provider only',
  })
  has_password: boolean;

  @ApiProperty({ type: 'integer', description: 'Tokens with status Active' })
  active_tokens: number;
}

export class MeDto extends UserDto {
  @ApiProperty({ type: 'integer', nullable: true, description: 'The token of this request; null in a session' })
  token_id: number | null;

  @ApiProperty({ type: String, nullable: true, enum: ['scim'], description: 'scim on a SCIM administration token' })
  scope: 'scim' | null;
}
