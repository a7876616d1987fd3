import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RequiresRole } from '@portcullis/access-control';
import { GatewaysDto } from '@portcullis/contracts';
import { GatewayList } from './gateway-list.js';

@ApiTags('Gateways')
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
