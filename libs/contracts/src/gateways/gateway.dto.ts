import { ApiProperty } from '@nestjs/swagger';
import { WHEN_STALE, type WhenStale } from '../access/internal-api.js';

export const GATEWAY_STATES = ['ok', 'behind', 'silent', 'fenced'] as const;
export type GatewayState = (typeof GATEWAY_STATES)[number];

/** One process of a gateway, and the lease that it holds. */
export class GatewayDto {
  @ApiProperty({ example: 'gw-1' })
  instance: string;

  @ApiProperty({ type: 'integer', description: 'Which of the gateway’s workers, from 0' })
  worker: number;

  @ApiProperty({
    enum: GATEWAY_STATES,
    description:
      'ok; behind: has not said yet that it applied the latest change; silent: its lease has run out; fenced: was cut off, and ' +
      'has not registered again',
  })
  state: GatewayState;

  @ApiProperty({ type: 'integer' })
  lease_ms: number;

  @ApiProperty({ type: 'integer', description: 'Left of the lease, counted from its last renewal; 0 when it is over' })
  lease_remaining_ms: number;

  @ApiProperty({ format: 'date-time' })
  registered_at: string;

  @ApiProperty({ format: 'date-time' })
  renewed_at: string;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The last change it said it applied; null: none yet' })
  applied_seq: number | null;

  @ApiProperty({ enum: WHEN_STALE, description: 'What it does when its lease is over' })
  when_stale: WhenStale;

  @ApiProperty({ description: 'Requests taken, over the last ten seconds before its last renewal' })
  requests_per_second: number;

  @ApiProperty({ description: 'Of these, refused by the gateway itself' })
  refused_per_second: number;
}

export class GatewaysDto {
  @ApiProperty({ type: 'integer', description: 'The latest number of the access ledger' })
  seq: number;

  @ApiProperty({ type: [GatewayDto], description: 'By instance and worker' })
  gateways: GatewayDto[];
}
