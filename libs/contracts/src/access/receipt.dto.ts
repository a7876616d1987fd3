import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** Carries the receipt as JSON on every answer to a change of access. */
export const RECEIPT_HEADER = 'Portcullis-Receipt';

/** Which gateways go by a change of access. Gateways are named by instance, one that has several workers once. */
export class ReceiptDto {
  @ApiProperty({ type: 'integer', description: 'The number of the change in the access ledger' })
  seq: number;

  @ApiProperty({ type: [String], description: 'Have applied the change', example: ['gw-1', 'gw-2'] })
  confirmed: string[];

  @ApiProperty({ type: [String], description: 'Have not, and admit no one: their lease has run out', example: [] })
  expired: string[];

  @ApiPropertyOptional({
    type: [String],
    description:
      'Have not said so yet: where the change gives access, it is waited for one second; where it takes access away, ' +
      'these were handed it with a renewal and go by it, but have not confirmed it',
  })
  pending?: string[];

  @ApiPropertyOptional({
    type: [String],
    description: 'Were cut off and go on with their last view (PORTCULLIS_WHEN_STALE=allow)',
  })
  unconfirmed?: string[];

  @ApiProperty({ description: 'Milliseconds from the commit to this receipt' })
  elapsed_ms: number;
}

export class AcceptedChangeDto {
  @ApiProperty({ type: 'integer', description: 'Ask GET /api/access/{seq} who has confirmed it' })
  seq: number;
}

export class AccessConfirmationDto {
  @ApiProperty({ type: 'integer' })
  seq: number;

  @ApiProperty({ type: [String] })
  confirmed: string[];

  @ApiProperty({ type: [String], description: 'Hold a lease and have not confirmed it yet' })
  pending: string[];

  @ApiPropertyOptional({
    type: [String],
    description: 'Were cut off and go on with their last view (PORTCULLIS_WHEN_STALE=allow)',
  })
  unconfirmed?: string[];
}
