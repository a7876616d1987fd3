import { IsISO8601, IsOptional, Length, Matches } from 'class-validator';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQuery } from '../paging/page.dto.js';
import { IsPlainText } from '../validation/is-plain-text.js';

/** Beyond this, how many there are is not counted any further. */
export const AUDIT_COUNTED_MAX = 100_000;

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$/;

/** What is given must all be true of a record. */
export class AuditQuery extends PageQuery {
  @ApiPropertyOptional({ example: 'admin', description: 'Who did it: the user_id, or the number of a user' })
  @IsOptional()
  @Length(1, 256)
  @IsPlainText()
  actor?: string;

  @ApiPropertyOptional({ example: 'token.revoked', description: 'What was done; `token.*` finds all that begin so' })
  @IsOptional()
  @Matches(/^[a-z_]{1,32}(\.([a-z_]{1,48}|\*))?$/, { message: 'action must be one like token.revoked or token.*' })
  action?: string;

  @ApiPropertyOptional({ example: 'token/456', description: 'What it was done to' })
  @IsOptional()
  @Matches(/^[a-z_]{1,32}\/[A-Za-z0-9._-]{1,128}$/, { message: 'target must be one like token/456 or user/123' })
  target?: string;

  @ApiPropertyOptional({ format: 'date-time', example: '2026-11-21T12:00:00Z', description: 'Not before this time' })
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(TIME, { message: 'from must be a time in UTC like 2026-11-21T12:00:00Z' })
  from?: string;

  @ApiPropertyOptional({ format: 'date-time', example: '2026-11-22T12:00:00Z', description: 'Before this time' })
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(TIME, { message: 'to must be a time in UTC like 2026-11-22T12:00:00Z' })
  to?: string;

  @ApiPropertyOptional({ example: '203.0.113.9', description: 'Where the request came from' })
  @IsOptional()
  @Length(1, 64)
  @IsPlainText()
  address?: string;

  @ApiPropertyOptional({ description: 'The X-Request-Id of the request' })
  @IsOptional()
  @Matches(/^[A-Za-z0-9._-]{1,128}$/, { message: 'request_id must be 1 to 128 characters of A-Z a-z 0-9 . _ -' })
  request_id?: string;
}

/** One thing that was done, or refused. Never changed, and deleted only when its time of retention is over. */
export class AuditRecordDto {
  @ApiProperty({ type: 'integer', description: 'Rises; a later one may have been written by an earlier transaction' })
  id: number;

  @ApiProperty({ format: 'date-time', example: '2026-11-21T12:00:00.123456Z' })
  at: string;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The user; null: Portcullis itself, or nobody known' })
  actor_id: number | null;

  @ApiProperty({ type: String, nullable: true, example: 'admin', description: 'What the user was called then' })
  actor_user_id: string | null;

  @ApiProperty({
    example: 'token/456',
    description: 'What the request showed: `token/<id>`, `session` or `scim`; else `command_line` or `system`',
  })
  actor_credential: string;

  @ApiProperty({ example: 'token.revoked' })
  action: string;

  @ApiProperty({ example: 'token/456' })
  target: string;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  before: object | null;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  after: object | null;

  @ApiProperty({ type: String, nullable: true, example: '203.0.113.9' })
  address: string | null;

  @ApiProperty({ type: String, nullable: true })
  request_id: string | null;
}
