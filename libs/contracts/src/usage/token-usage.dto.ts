import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export const USAGE_KEPT_DAYS = 90;
export const USAGE_HOURS_MAX = USAGE_KEPT_DAYS * 24;

export class TokenUsageQuery {
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: USAGE_HOURS_MAX, default: 24 })
  @IsOptional()
  @Type(() => Number)
  @Max(USAGE_HOURS_MAX)
  @Min(1)
  @IsInt()
  hours: number = 24;
}

export class UsageHourDto {
  @ApiProperty({ format: 'date-time', description: 'Start of the hour' })
  hour: string;

  @ApiProperty({ type: 'integer' })
  count: number;
}

export class LastUseDto {
  @ApiProperty({ format: 'date-time' })
  at: string;

  @ApiProperty({ example: '203.0.113.9' })
  address: string;

  @ApiProperty({ example: 'gw-1', description: 'The gateway that admitted it; token-service when it came directly' })
  gateway: string;
}

export class TokenUsageDto {
  @ApiProperty({ type: 'integer' })
  token_id: number;

  @ApiProperty({ type: 'integer', description: 'Requests in all of these hours' })
  total: number;

  @ApiProperty({
    type: [UsageHourDto],
    description: 'Every hour, also those without use, oldest first; the last is the present one',
  })
  hours: UsageHourDto[];

  @ApiProperty({ type: LastUseDto, nullable: true, description: 'null: never used' })
  last_use: LastUseDto | null;
}
