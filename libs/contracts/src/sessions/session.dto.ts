import { IsString, Length } from 'class-validator';
import { ApiProperty } from '@nestjs/swagger';
import { PASSWORD_CHARACTERS_MAX } from '../users/password.js';
import { UserDto } from '../users/user.dto.js';
import { IsPlainText } from '../validation/is-plain-text.js';

/**
 * A session's requests that change something must carry this header, with any value. A page of another origin can't send it
 * without a CORS preflight, and Portcullis's own API answers none.
 */
export const CSRF_HEADER = 'x-portcullis-csrf';
/** What a page asks for by itself while nobody is at it: such a request does not keep a session from running out. */
export const UNATTENDED_HEADER = 'x-portcullis-unattended';

/** Over https, and over http on a loopback address. The prefix `__Host-` keeps sibling domains from setting it (RFC 6265bis). */
export const SESSION_COOKIE = '__Host-portcullis_session';
export const LOCAL_SESSION_COOKIE = 'portcullis_session';

export class SignInDto {
  @ApiProperty({ minLength: 1, maxLength: 254, example: 'admin', description: 'Letter case makes no difference' })
  @Length(1, 254)
  @IsPlainText()
  user_name: string;

  @ApiProperty({ format: 'password', minLength: 1, maxLength: PASSWORD_CHARACTERS_MAX })
  @Length(1, PASSWORD_CHARACTERS_MAX)
  @IsString()
  password: string;
}

export class SessionDto {
  @ApiProperty({ type: UserDto })
  user: UserDto;

  @ApiProperty({ format: 'date-time' })
  signed_in_at: string;

  @ApiProperty({ format: 'date-time', description: 'The session ends then, however much it is used' })
  expires_at: string;

  @ApiProperty({ type: 'integer', description: 'The session ends after so many seconds without a request' })
  idle_seconds: number;
}
