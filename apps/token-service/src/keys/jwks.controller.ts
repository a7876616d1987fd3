import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Public } from '@portcullis/access-control';
import { SigningKeys } from './signing-keys.js';

/** A JSON Web Key Set (RFC 7517 section 5) of Ed25519 keys (RFC 8037). */
class JwkSet {
  @ApiProperty({ type: 'array', items: { type: 'object' } })
  keys: { kty: 'OKP'; crv: 'Ed25519'; use: 'sig'; alg: 'EdDSA'; kid: string; x: string }[];
}

@ApiTags('Keys')
@Controller('.well-known')
export class JwksController {
  constructor(private readonly signingKeys: SigningKeys) {}

  /** The public keys that tokens are signed with. Symmetric keys (HS256) are not among them. */
  @Get('jwks.json')
  @Public()
  @Header('Cache-Control', 'public, max-age=60')
  @ApiOkResponse({ type: JwkSet, description: 'JSON Web Key Set (RFC 7517)' })
  async jwks(): Promise<JwkSet> {
    const { keys } = await this.signingKeys.verificationKeys();
    return {
      keys: keys
        .filter((key) => key.alg === 'EdDSA')
        .map(({ kid, public_key }) => ({ kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA', kid, x: public_key! })),
    };
  }
}
