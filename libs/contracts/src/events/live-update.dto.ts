import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { EVENT_SUBJECTS, type EventType } from './event-types.js';

/** The data of a `change` on `GET /api/events`: which row to read again, and nothing of what is in it. */
export class LiveUpdateDto {
  @ApiProperty({ enum: Object.keys(EVENT_SUBJECTS) })
  type: EventType;

  @ApiPropertyOptional({ type: 'integer', description: 'On events about a token' })
  token_id?: number;

  @ApiProperty({ type: 'integer', description: 'The user that changed, or whose token did' })
  user_id: number;
}
