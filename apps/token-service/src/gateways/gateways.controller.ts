import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RequiresRole } from '@portcullis/access-control';
import { GatewaysDto } from '@portcullis/contracts';
import { GatewayList } from './gateway-list.js';

@ApiTags('Gateways')
@ApiBearerAuth()
@Controller('api/gateways')
export class GatewaysController {
  constructor(private readonly gateways: GatewayList) {}

  /** Each gateway: its lease, how far it has come in the access ledger, and its traffic. */
  @Get()
  @RequiresRole('Admin')
  @ApiOkResponse({ type: GatewaysDto })
  findAll(): Promise<GatewaysDto> {
    return this.gateways.read();
  }
}
