import { IsIn, IsOptional, Length, Matches } from 'class-validator';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsDisplayName, IsPlainText } from '../validation/is-plain-text.js';

export const CLI_HOSTNAME_CHARACTERS_MAX = 100;
export const CLI_TOKEN_DAYS = 90;
/** RFC 7636 section 4.2: the base64url of a SHA-256 hash. */
const CODE_CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
/** RFC 7636 section 4.1. */
const CODE_VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** What a program asks for when it sends a person to `/cli/authorize`; the names are those of the page's query. */
export class CliRequestDto {
  @ApiProperty({ maxLength: 2048, example: 'http://127.0.0.1:53682/callback', description: 'Loopback only (RFC 8252)' })
  @Length(1, 2048)
  @IsPlainText()
  redirect_uri: string;

  @ApiProperty({ minLength: 1, maxLength: 512, description: 'Goes back unchanged' })
  @Length(1, 512)
  @IsPlainText()
  state: string;

  @ApiProperty({ minLength: 1, maxLength: CLI_HOSTNAME_CHARACTERS_MAX, example: 'build-7' })
  @IsDisplayName(1, CLI_HOSTNAME_CHARACTERS_MAX)
  hostname: string;

  @ApiPropertyOptional({
    description: 'PKCE (RFC 7636), S256; without it only where PORTCULLIS_CLI_TOKEN_REDIRECT=allow',
  })
  @IsOptional()
  @Matches(CODE_CHALLENGE, { message: 'code_challenge must be the base64url of a SHA-256 hash, 43 characters' })
  code_challenge?: string;

  @ApiPropertyOptional({ enum: ['S256'], default: 'S256' })
  @IsOptional()
  @IsIn(['S256'])
  code_challenge_method?: 'S256';
}

export class CliPreviewDto {
  @ApiProperty({
    example: 'CLI on build-7',
    description: 'What the token will be called, unless that is taken by then',
  })
  token_name: string;

  @ApiProperty({ type: 'integer', example: CLI_TOKEN_DAYS })
  expires_in_days: number;

  @ApiProperty({ example: 'http://127.0.0.1:53682', description: 'Where the browser will be sent' })
  redirect_origin: string;
}

export class CliDecisionDto extends CliRequestDto {
  @ApiProperty({ enum: ['approve', 'deny'] })
  @IsIn(['approve', 'deny'])
  decision: 'approve' | 'deny';
}

export class CliRedirectDto {
  @ApiProperty({
    example: 'http://127.0.0.1:53682/callback?code=…&state=…',
    description: 'Where to send the browser: with `code`, or `error=access_denied`, and `state`',
  })
  redirect_to: string;
}

export class CliTokenRequestDto {
  @ApiProperty({ minLength: 43, maxLength: 43 })
  @Matches(/^[A-Za-z0-9_-]{43}$/, { message: 'code must be what the redirect carried' })
  code: string;

  @ApiProperty({ minLength: 43, maxLength: 128 })
  @Matches(CODE_VERIFIER, { message: 'code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~' })
  code_verifier: string;
}
