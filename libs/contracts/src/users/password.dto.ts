import { IsString, Length, ValidateIf } from 'class-validator';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN } from './password.js';

export class ChangePasswordDto {
  @ApiProperty({
    type: String,
    format: 'password',
    nullable: true,
    minLength: PASSWORD_CHARACTERS_MIN,
    maxLength: PASSWORD_CHARACTERS_MAX,
    description: 'null (Admin, for another person): no password; they sign in with an identity provider only',
  })
  @ValidateIf((_, value) => value !== null)
  @Length(PASSWORD_CHARACTERS_MIN, PASSWORD_CHARACTERS_MAX)
  @IsString()
  password: string | null;

  @ApiPropertyOptional({
    format: 'password',
    description: 'The old one: required for one’s own, refused for another’s',
  })
  @ValidateIf((_, value) => value !== undefined)
  @Length(1, PASSWORD_CHARACTERS_MAX)
  @IsString()
  current_password?: string;
}
