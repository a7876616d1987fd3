import { Body, HttpCode, Post } from '@nestjs/common';
import type { AccessOutcome } from '../../access/access-outcome.js';
import { type JsonObject, readBody } from '../protocol/json.js';
import { CurrentScimCall, ScimAnswer, type ScimCall, ScimController } from '../protocol/scim-call.js';
import { BulkService } from './bulk.service.js';

@ScimController('/Bulk')
export class BulkController {
  constructor(private readonly bulk: BulkService) {}

  @Post()
  @HttpCode(200)
  @ScimAnswer()
  run(@Body() body: unknown, @CurrentScimCall() call: ScimCall): Promise<AccessOutcome<JsonObject>> {
    return this.bulk.run(readBody(body), call);
  }
}
