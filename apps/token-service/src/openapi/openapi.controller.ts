import { Controller, Get, Header, Injectable } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import { Public } from '@portcullis/access-control';

/** The OpenAPI document, made from the controllers once the app is put together; and written out once, for it is large. */
@Injectable()
export class OpenApiDocument {
  text: string;

  set document(document: OpenAPIObject) {
    this.text = JSON.stringify(document);
  }
}

@ApiExcludeController()
@Controller('api')
export class OpenApiController {
  constructor(private readonly openApi: OpenApiDocument) {}

  @Get('openapi.json')
  @Public()
  @Header('Content-Type', 'application/json; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  document(): string {
    return this.openApi.text;
  }
}
