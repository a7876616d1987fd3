import { ApiProperty } from '@nestjs/swagger';
import { IsDisplayName } from '../validation/is-plain-text.js';

export class CreateTeamDto {
  @ApiProperty({ minLength: 1, maxLength: 128, example: 'Data Engineering' })
  @IsDisplayName(1, 128)
  name: string;
}

export class TeamDto {
  @ApiProperty({ type: 'integer' })
  id: number;

  @ApiProperty()
  name: string;

  @ApiProperty({ type: 'integer', description: 'How many users are in it' })
  members: number;

  @ApiProperty({ format: 'date-time' })
  created_at: string;
}
