import { Body, Controller, Get, Headers, Post } from '@nestjs/common';
import { type Datastore, DatastoresService } from './datastores.service.js';
import { parseNewDatastore } from './new-datastore.js';
import { type CallerIdentity, readIdentity } from './caller-identity.js';

type IncomingHeaders = Record<string, string | string[] | undefined>;

@Controller('api/datastores')
export class DatastoresController {
  constructor(private readonly datastores: DatastoresService) {}

  /** Lists the datastores, and shows the identity that the gateway handed over. */
  @Get()
  list(@Headers() headers: IncomingHeaders): { datastores: Datastore[]; identity: CallerIdentity } {
    return { datastores: this.datastores.list(), identity: readIdentity(headers) };
  }

  /** Adds a datastore; 400 says which field is wrong. */
  @Post()
  create(
    @Body() body: unknown,
    @Headers() headers: IncomingHeaders,
  ): { datastore: Datastore; identity: CallerIdentity } {
    const identity = readIdentity(headers);
    return { datastore: this.datastores.add(parseNewDatastore(body), identity.user), identity };
  }
}
