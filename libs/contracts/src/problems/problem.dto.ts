import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { FieldError, ProblemDetails } from './problem.js';

export class FieldErrorDto implements FieldError {
  @ApiProperty({ example: 'name', description: 'Of the body or the query' })
  field: string;

  @ApiProperty({ example: 'is required' })
  message: string;
}

/** RFC 9457, for the OpenAPI document. */
export class ProblemDto implements ProblemDetails {
  @ApiProperty({ example: 'urn:portcullis:problem:token_name_taken' })
  type: string;

  @ApiProperty({ example: 'Conflict' })
  title: string;

  @ApiProperty({ type: 'integer', example: 409 })
  status: number;

  @ApiProperty({ example: 'This user has a token of this name already' })
  detail: string;

  @ApiProperty({ example: 'token_name_taken', description: 'Stable, for programs' })
  code: string;

  @ApiPropertyOptional({ type: [FieldErrorDto] })
  errors?: FieldErrorDto[];

  @ApiPropertyOptional({ type: 'integer', description: 'With `revocation_unconfirmed`: the number of the change' })
  seq?: number;
}
