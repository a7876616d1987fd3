import { Get, Param, Query } from '@nestjs/common';
import { Problem } from '@portcullis/contracts';
import type { JsonObject } from '../protocol/json.js';
import { listResponse } from '../protocol/list-query.js';
import { CurrentScimCall, ScimAnswer, type ScimCall, ScimController } from '../protocol/scim-call.js';
import { noSuchResource } from '../protocol/scim-problem.js';
import { resourceTypeDocuments, schemaDocuments, serviceProviderConfig } from './discovery-documents.js';

type QueryParameters = Record<string, unknown>;

/** What a client finds out before it begins (RFC 7644 section 4). Made of what the code itself goes by. */
@ScimController('')
export class DiscoveryController {
  @Get('ServiceProviderConfig')
  @ScimAnswer()
  config(@Query() query: QueryParameters, @CurrentScimCall() { base }: ScimCall): JsonObject {
    assertNoFilter(query);
    return serviceProviderConfig(base);
  }

  @Get('ResourceTypes')
  @ScimAnswer()
  resourceTypes(@Query() query: QueryParameters, @CurrentScimCall() { base }: ScimCall): JsonObject {
    assertNoFilter(query);
    return whole(resourceTypeDocuments(base));
  }

  @Get('ResourceTypes/:id')
  @ScimAnswer()
  resourceType(@Param('id') id: string, @CurrentScimCall() { base }: ScimCall): JsonObject {
    return one(resourceTypeDocuments(base), id, 'resource type');
  }

  @Get('Schemas')
  @ScimAnswer()
  schemas(@Query() query: QueryParameters, @CurrentScimCall() { base }: ScimCall): JsonObject {
    assertNoFilter(query);
    return whole(schemaDocuments(base));
  }

  @Get('Schemas/:id')
  @ScimAnswer()
  schema(@Param('id') id: string, @CurrentScimCall() { base }: ScimCall): JsonObject {
    return one(schemaDocuments(base), id, 'schema');
  }
}

/** RFC 7644 section 4: a filter must be refused, so that no client takes the whole for what it asked for. */
function assertNoFilter(query: QueryParameters): void {
  if (Object.keys(query).some((name) => name.toLowerCase() === 'filter')) {
    throw new Problem(403, 'filter_not_allowed', 'There is no filtering here (RFC 7644 section 4)');
  }
}

function whole(documents: JsonObject[]): JsonObject {
  return listResponse(documents, documents.length, 1);
}

function one(documents: JsonObject[], id: string, kind: string): JsonObject {
  const found = documents.find((document) => String(document['id']).toLowerCase() === id.toLowerCase());
  if (!found) throw noSuchResource(kind);
  return found;
}
