import { Injectable } from '@nestjs/common';
import type { GatewayDto, GatewaysDto, GatewayState, WhenStale } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { EPOCH_SQL } from '../access/ledger-position.js';
import { isoSeconds } from '../database/iso-seconds.js';

interface GatewayRow {
  instance: string;
  worker: number;
  lease_ms: number;
  lease_remaining_ms: number;
  when_stale: WhenStale;
  registered_at: Date;
  renewed_at: Date;
  fenced: boolean;
  applied_seq: number | null;
  requests_per_second: number;
  refused_per_second: number;
  seq: number;
}

/** Reads how the gateways are. */
@Injectable()
export class GatewayList {
  constructor(private readonly dataSource: DataSource) {}

  async read(): Promise<GatewaysDto> {
    const rows = await this.dataSource.query<(GatewayRow | { seq: number; instance: null })[]>(GATEWAYS_SQL);
    const gateways = rows.filter((row): row is GatewayRow => row.instance !== null);
    return { seq: rows[0]!.seq, gateways: gateways.map(gatewayDto) };
  }
}

function gatewayDto(row: GatewayRow): GatewayDto {
  const state = stateOf(row);
  const isThere = state === 'ok' || state === 'behind';
  return {
    instance: row.instance,
    worker: row.worker,
    state,
    lease_ms: row.lease_ms,
    lease_remaining_ms: row.fenced ? 0 : row.lease_remaining_ms,
    registered_at: isoSeconds(row.registered_at),
    renewed_at: isoSeconds(row.renewed_at),
    applied_seq: row.applied_seq,
    when_stale: row.when_stale,
    requests_per_second: isThere ? row.requests_per_second : 0,
    refused_per_second: isThere ? row.refused_per_second : 0,
  };
}

function stateOf({ fenced, lease_remaining_ms, applied_seq, seq }: GatewayRow): GatewayState {
  if (fenced) return 'fenced';
  if (lease_remaining_ms === 0) return 'silent';
  return applied_seq !== null && applied_seq >= seq ? 'ok' : 'behind';
}

// The latest lease of each worker. One that was fenced is shown for a day, unless it has registered again.
const GATEWAYS_SQL = `
  SELECT clock.seq, lease.*
  FROM (SELECT seq, ${EPOCH_SQL} AS epoch FROM access_clock) clock LEFT JOIN LATERAL (
    SELECT DISTINCT ON (instance, worker) instance, worker, lease_ms, when_stale, registered_at, renewed_at,
      fenced_at IS NOT NULL AS fenced, requests_per_second::float8, refused_per_second::float8,
      CASE WHEN gateway_leases.epoch = clock.epoch THEN applied_seq END AS applied_seq,
      greatest(0, lease_ms - extract(epoch FROM now() - renewed_at) * 1000)::integer AS lease_remaining_ms
    FROM gateway_leases
    WHERE released_at IS NULL AND (fenced_at IS NULL OR fenced_at > now() - interval '1 day')
    ORDER BY instance, worker, registered_at DESC
  ) lease ON true
  ORDER BY lease.instance, lease.worker`;
