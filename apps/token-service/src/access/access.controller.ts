import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Authenticated } from '@portcullis/access-control';
import { AccessConfirmationDto, Problem } from '@portcullis/contracts';
import { TokenIdPipe } from '../openapi/id.pipe.js';
import { AccessLedger } from './access-ledger.js';
import { RevocationBarrier } from './revocation-barrier.js';

@ApiTags('Access')
@Controller('api/access')
export class AccessController {
  constructor(
    private readonly ledger: AccessLedger,
    private readonly barrier: RevocationBarrier,
  ) {}

  /** Which gateways have confirmed a change. */
  @Get(':seq')
  @Authenticated()
  @ApiOkResponse({ type: AccessConfirmationDto })
  async confirmations(@Param('seq', TokenIdPipe) seq: number): Promise<AccessConfirmationDto> {
    const position = await this.ledger.position();
    if (seq > position.seq)
      throw new Problem(404, 'access_seq_unknown', 'The access ledger has not come to this number');
    return this.barrier.confirmations({ ...position, seq });
  }
}
