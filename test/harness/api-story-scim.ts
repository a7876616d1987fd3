import { countFrom, type Headers } from './api-credentials.ts';
import type { ApiReplay } from './api-replay.ts';
import type { Stack } from './stack.ts';

/** The part of the story that an identity provider plays, with a person 130 and a group 8. */
export class ScimStory {
  readonly #stack: Stack;
  readonly #replay: ApiReplay;
  readonly #headers: Headers;

  constructor(stack: Stack, replay: ApiReplay, headers: Headers) {
    this.#stack = stack;
    this.#replay = replay;
    this.#headers = headers;
  }

  async tell(): Promise<void> {
    await this.changes();
    await this.refusals();
    await this.ends();
  }

  private async changes(): Promise<void> {
    const headers = this.#headers;
    await countFrom(this.#stack, 'users', 130);
    await countFrom(this.#stack, 'teams', 8);
    await this.#replay.send('scimusers_create', 201, { headers });
    await this.#replay.send('scimgroups_create', 201, { headers });
    const reads = [
      'scimusers_find', 'scimusers_findByPost', 'scimusers_get', 'scimgroups_find', 'scimgroups_findByPost', 'scimgroups_get', 'scimroot_find',
      'scimroot_findByPost', 'discovery_config', 'discovery_resourceTypes', 'discovery_resourceType', 'discovery_schemas', 'discovery_schema',
    ]; // prettier-ignore
    for (const id of reads) await this.#replay.send(id, 200, { headers });
    for (const id of ['scimusers_get', 'scimgroups_get'])
      await this.#replay.send(id, 304, { headers: { ...headers, 'If-None-Match': '*' } });
    await this.#replay.send('scimusers_replace', 200, { headers });
    for (const example of ['deactivate', 'reactivate'])
      await this.#replay.send('scimusers_patch', 200, { headers, example });
    await this.#replay.send('scimgroups_replace', 200, { headers });
    for (const example of ['remove', 'add']) await this.#replay.send('scimgroups_patch', 204, { headers, example });
    const query = { attributes: 'displayName' };
    await this.#replay.send('scimgroups_patch', 200, { headers, example: 'add', query, name: 'withAttributes' });
  }

  private async refusals(): Promise<void> {
    const headers = this.#headers;
    const other = { ...headers, 'If-Match': 'W/"other"' };
    for (const id of [
      'users_replace',
      'users_patch',
      'users_delete',
      'groups_replace',
      'groups_patch',
      'groups_delete',
    ])
      await this.#replay.send(`scim${id}`, 412, { headers: other, name: 'precondition_failed' });
    for (const id of ['users_create', 'groups_create']) await this.#replay.send(`scim${id}`, 409, { headers });
    await this.#replay.send('scimusers_replace', 409, { headers, given: { userName: 'grace@example.com' } });
    await this.#replay.send('scimgroups_replace', 409, { headers, given: { displayName: 'Data Engineering' } });
    await this.#replay.send('scimusers_patch', 409, { headers, body: rename('userName', 'grace@example.com') });
    await this.#replay.send('scimgroups_patch', 409, { headers, body: rename('displayName', 'Data Engineering') });
    for (const id of ['replace', 'patch', 'delete'])
      await this.#replay.send(`scimusers_${id}`, 403, { headers, given: { id: 124 }, name: 'not_managed_by_scim' });
    for (const id of ['config', 'resourceTypes', 'schemas'])
      await this.#replay.send(`discovery_${id}`, 403, {
        headers,
        query: { filter: 'id pr' },
        name: 'filter_not_allowed',
      });
  }

  private async ends(): Promise<void> {
    const headers = this.#headers;
    await countFrom(this.#stack, 'users', 131);
    await countFrom(this.#stack, 'teams', 9);
    await this.#replay.send('bulk_run', 200, { headers });
    await this.#replay.send('scimusers_delete', 204, { headers });
    await this.#replay.send('scimgroups_delete', 204, { headers });
  }
}

function rename(path: string, value: string): object {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  return { schemas, Operations: [{ op: 'replace', path, value }] };
}
