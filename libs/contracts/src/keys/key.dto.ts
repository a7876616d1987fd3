import { IsBoolean, ValidateIf } from 'class-validator';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { KeyValue } from '../access/access-entry.js';
import type { TokenAlgorithm } from '../access/internal-api.js';
import { ReceiptDto } from '../access/receipt.dto.js';

const ALGORITHMS: readonly TokenAlgorithm[] = ['EdDSA', 'HS256'];
const KEY_STATES: readonly KeyValue[] = ['signing', 'verifying', 'retired'];

export class SigningKeyDto {
  @ApiProperty({ example: '9f2c4e1ab07d3358', description: 'Stands in the header of each token signed with it' })
  kid: string;

  @ApiProperty({ enum: ALGORITHMS })
  alg: TokenAlgorithm;

  @ApiProperty({
    enum: KEY_STATES,
    description:
      'signing: new tokens are signed with it; verifying: those it has signed are good; retired: they are not',
  })
  state: KeyValue;

  @ApiProperty({ format: 'date-time' })
  created_at: string;

  @ApiProperty({ type: 'integer', description: 'Active tokens that it has signed; 0 for one that is retired' })
  active_tokens: number;
}

export class SigningKeysDto {
  @ApiProperty({ type: [SigningKeyDto], description: 'The newest first' })
  keys: SigningKeyDto[];
}

export class RotatedKeyDto {
  @ApiProperty({ example: '9f2c4e1ab07d3358', description: 'Signs from now on' })
  kid: string;

  @ApiProperty({ enum: ALGORITHMS })
  alg: TokenAlgorithm;

  @ApiProperty({ example: '1b7e0c55d2a94f60', description: 'Signed until now; its tokens live on' })
  previous_kid: string;

  @ApiProperty({ type: ReceiptDto, description: 'Which gateways had the new key before it signed anything' })
  receipt: ReceiptDto;
}

export class RetireKeyDto {
  @ApiPropertyOptional({ default: false, description: 'Says how many tokens would end, and changes nothing' })
  @ValidateIf((_: object, value: unknown) => value !== undefined)
  @IsBoolean()
  dry_run?: boolean;
}

export class RetiredKeyDto {
  @ApiProperty({ example: '1b7e0c55d2a94f60' })
  kid: string;

  @ApiProperty({ type: 'integer', description: 'Active tokens that end with the key, or would' })
  tokens_ended: number;

  @ApiProperty()
  dry_run: boolean;

  @ApiPropertyOptional({ type: ReceiptDto, description: 'Absent on a dry run' })
  receipt?: ReceiptDto;
}
