import type { FastifyReply } from 'fastify';
import { AccessOutcome } from '../../access/access-outcome.js';
import type { ResourceType } from '../schema/resource-type.js';
import { namesTag } from './entity-tag.js';
import { isObject, type JsonObject } from './json.js';
import { project, type Selection } from './projection.js';
import type { ScimCall } from './scim-call.js';

/** Shows a resource as it was asked for, with its entity tag; 304 where the client has that version (RFC 7644 section 3.14). */
export function answerResource(
  type: ResourceType,
  resource: JsonObject,
  selection: Selection,
  { ifNoneMatch }: Pick<ScimCall, 'ifNoneMatch'>,
  reply: FastifyReply,
): JsonObject | undefined {
  const { version } = metaOf(resource);
  void reply.header('ETag', version);
  if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, version)) {
    void reply.status(304);
    return undefined;
  }
  return project(type, resource, selection);
}

/** The same for a resource that was made or changed, once the barrier has let the change through. */
export function answerChange(
  type: ResourceType,
  outcome: AccessOutcome<JsonObject>,
  selection: Selection,
  reply: FastifyReply,
): AccessOutcome<JsonObject> {
  return new AccessOutcome(outcome.position, outcome.effect, (receipt) => {
    const resource = outcome.body(receipt);
    const { location, version } = metaOf(resource);
    void reply.headers({ Location: location, ETag: version });
    return project(type, resource, selection);
  });
}

/** 204: done, and nothing to show. */
export function answerNothing(outcome: AccessOutcome<JsonObject>, reply: FastifyReply): AccessOutcome<void> {
  return new AccessOutcome(outcome.position, outcome.effect, (receipt) => {
    void reply.header('ETag', metaOf(outcome.body(receipt)).version).status(204);
  });
}

function metaOf({ meta }: JsonObject): { location: string; version: string } {
  const { location, version } = isObject(meta) ? meta : {};
  return { location: String(location), version: String(version) };
}
