import { Injectable, Logger } from '@nestjs/common';
import { Problem, SCIM_ERROR } from '@portcullis/contracts';
import { AccessOutcome, RefusedChange } from '../../access/access-outcome.js';
import { AccessLedger } from '../../access/access-ledger.js';
import type { LedgerPosition } from '../../access/ledger-position.js';
import type { AccessEffect } from '../../access/revocation-barrier.js';
import { databaseProblem } from '../../database/database-errors.js';
import { ScimGroupsService } from '../groups/scim-groups.service.js';
import { isObject, type JsonObject } from '../protocol/json.js';
import { WITHOUT_MEMBERS } from '../protocol/projection.js';
import type { Resources } from '../protocol/resource.controller.js';
import type { ScimCall } from '../protocol/scim-call.js';
import { badRequest } from '../protocol/scim-problem.js';
import { ScimUsersService } from '../users/scim-users.service.js';
import { type BulkOperation, orderByReference, readBulk, resolved } from './bulk-request.js';

const IN_A_CIRCLE = new Problem(409, 'conflict', 'bulkId: these operations refer to each other in a circle');

/** What has come of the operations so far. */
interface Progress {
  position: LedgerPosition;
  effect: AccessEffect;
  /** By bulkId. */
  readonly ids: Map<string, string>;
  readonly results: JsonObject[];
  errors: number;
}

/** Many changes in one request (RFC 7644 section 3.7): each is a transaction of its own, and the answer waits once for all. */
@Injectable()
export class BulkService {
  readonly #logger = new Logger(BulkService.name);

  constructor(
    private readonly users: ScimUsersService,
    private readonly groups: ScimGroupsService,
    private readonly ledger: AccessLedger,
  ) {}

  /** @throws Problem 400, 413 for a request that is no bulk request; what fails in it is said per operation */
  async run(body: JsonObject, call: ScimCall): Promise<AccessOutcome<JsonObject>> {
    const { operations, failOnErrors } = readBulk(body);
    const { ordered, circular } = orderByReference(operations);
    const start = await this.ledger.position();
    const progress: Progress = { position: start, effect: 'gives', ids: new Map(), results: [], errors: 0 };
    for (const place of [...ordered, ...circular]) {
      if (progress.errors >= failOnErrors) break;
      const operation = operations[place]!;
      if (circular.includes(place)) fail(progress, operation, IN_A_CIRCLE, call.base);
      else await this.attempt(progress, operation, call);
    }
    return new AccessOutcome(progress.position, progress.effect, () => ({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkResponse'],
      Operations: progress.results,
    }));
  }

  private async attempt(progress: Progress, given: BulkOperation, call: ScimCall): Promise<void> {
    try {
      const operation = resolved(given, (bulkId) => madeId(progress, bulkId));
      const outcome = await this.perform(operation, { ...call, ifMatch: operation.version });
      advance(progress, outcome.position, outcome.effect);
      succeed(progress, operation, outcome, call.base);
    } catch (error) {
      if (error instanceof RefusedChange) advance(progress, error.position, 'takes');
      fail(progress, given, this.problemOf(error), call.base);
    }
  }

  private perform(operation: BulkOperation, call: ScimCall): Promise<AccessOutcome<JsonObject | void>> {
    const { method, endpoint, data } = operation;
    const id = operation.id ?? '';
    const resources: Resources = endpoint === 'Users' ? this.users : this.groups;
    if (method === 'POST') return resources.create(data, call, WITHOUT_MEMBERS);
    if (method === 'PUT') return resources.replace(id, data, call, WITHOUT_MEMBERS);
    return method === 'PATCH' ? resources.patch(id, data, call, WITHOUT_MEMBERS) : resources.delete(id, call);
  }

  private problemOf(error: unknown): Problem {
    if (error instanceof RefusedChange) return error.problem;
    if (error instanceof Problem) return error;
    const known = databaseProblem(error);
    if (known) return known;
    this.#logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return new Problem(500, 'internal_error', 'Something went wrong here; the request id finds it in the log');
  }
}

/** The answer waits for the latest change, and as for one that takes access away when any of them did. */
function advance(progress: Progress, position: LedgerPosition, effect: AccessEffect): void {
  progress.position = position;
  if (effect === 'takes') progress.effect = 'takes';
}

function madeId({ ids }: Progress, bulkId: string): string {
  const id = ids.get(bulkId);
  if (id === undefined) throw badRequest('invalidValue', `bulkId: nothing was made as ${bulkId}`);
  return id;
}

const STATUSES = { POST: '201', PUT: '200', PATCH: '200', DELETE: '204' } as const;

function succeed(
  progress: Progress,
  { method, endpoint, bulkId, id }: BulkOperation,
  outcome: AccessOutcome<JsonObject | void>,
  base: string,
): void {
  const resource = outcome.body({ seq: outcome.position.seq, confirmed: [], expired: [], elapsed_ms: 0 }) ?? undefined;
  const madeId = resource ? String(resource['id']) : id!;
  if (bulkId !== undefined && method === 'POST') progress.ids.set(bulkId, madeId);
  const meta = resource?.['meta'];
  const version = isObject(meta) ? meta['version'] : undefined;
  const location = `${base}/${endpoint}/${madeId}`;
  progress.results.push({
    method,
    location,
    ...(bulkId !== undefined && { bulkId }),
    ...(version !== undefined && { version }),
    status: STATUSES[method],
  });
}

function fail(
  progress: Progress,
  { method, endpoint, bulkId, id }: BulkOperation,
  problem: Problem,
  base: string,
): void {
  progress.errors++;
  progress.results.push({
    method,
    ...(id !== undefined && { location: `${base}/${endpoint}/${id}` }),
    ...(bulkId !== undefined && { bulkId }),
    status: String(problem.status),
    response: JSON.parse(SCIM_ERROR.body(problem)) as JsonObject,
  });
}
