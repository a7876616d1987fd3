import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, StreamableFile } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { InternalOnly } from '@portcullis/access-control';
import type { IntrospectResponse, KeysResponse, RegisterResponse, RenewResponse } from '@portcullis/contracts';
import { IssuedTokens } from '../authentication/issued-tokens.js';
import { SigningKeys } from '../keys/signing-keys.js';
import { GatewayLeases } from './gateway-leases.js';
import { IntrospectDto, RegisterDto, RenewDto } from './lease.dto.js';
import { AccessSnapshot } from './snapshot.js';

/** What gateways ask for, on the internal port. */
@ApiExcludeController()
@InternalOnly()
@Controller('internal')
export class InternalController {
  constructor(
    private readonly leases: GatewayLeases,
    private readonly snapshot: AccessSnapshot,
    private readonly signingKeys: SigningKeys,
    private readonly issuedTokens: IssuedTokens,
  ) {}

  @Post('access/leases')
  register(@Body() request: RegisterDto): Promise<RegisterResponse> {
    return this.leases.register(request);
  }

  @Post('access/leases/:leaseId')
  @HttpCode(200)
  renew(@Param('leaseId') leaseId: string, @Body() request: RenewDto): Promise<RenewResponse> {
    return this.leases.renew(leaseId, request);
  }

  @Delete('access/leases/:leaseId')
  @HttpCode(204)
  release(@Param('leaseId') leaseId: string): Promise<void> {
    return this.leases.release(leaseId);
  }

  @Post('access/introspect')
  @HttpCode(200)
  introspect(@Body() { token_id, user_id }: IntrospectDto): Promise<IntrospectResponse> {
    return this.issuedTokens.introspect(token_id, user_id);
  }

  @Get('access/snapshot')
  @Header('Content-Type', 'application/x-ndjson')
  takeSnapshot(): StreamableFile {
    return new StreamableFile(this.snapshot.open(), { type: 'application/x-ndjson' });
  }

  @Get('keys')
  keys(): Promise<KeysResponse> {
    return this.signingKeys.verificationKeys();
  }
}
