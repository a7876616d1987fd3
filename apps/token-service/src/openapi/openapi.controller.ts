import { Controller, Get, Header, Injectable } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import { Public } from '@portcullis/access-control';

/** The OpenAPI document, made from the controllers once the app is put together. */
@Injectable()
export class OpenApiDocument {
  document: OpenAPIObject;
}

@ApiExcludeController()
@Controller('api')
export class OpenApiController {
  constructor(private readonly openApi: OpenApiDocument) {}

  @Get('openapi.json')
  @Public()
  @Header('Cache-Control', 'no-cache')
  document(): OpenAPIObject {
    return this.openApi.document;
  }
}
