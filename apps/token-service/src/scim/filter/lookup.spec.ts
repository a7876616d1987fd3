import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Services, startServices } from '../../events/testing/services.js';
import { GroupSearch } from '../groups/group-search.js';
import { readListQuery } from '../protocol/list-query.js';
import { UserSearch } from '../users/user-search.js';

const PEOPLE = 5_000;
const TEAMS = 1_000;

let services: Services;
beforeAll(async () => {
  services = await startServices();
  const { dataSource } = services;
  await dataSource.query(
    `INSERT INTO users (user_id, user_name, email, name, user_type, role, scim_managed, external_id, scim_attributes)
     SELECT address, address, address, address, 'User', 'Member', true, 'e' || n,
       jsonb_build_object('emails', jsonb_build_array(jsonb_build_object('value', address, 'type', 'work')))
     FROM generate_series(1, $1::int) n, LATERAL (SELECT 'p' || n || '@example.com' AS address)`,
    [PEOPLE],
  );
  await dataSource.query(`INSERT INTO teams (name, external_id) SELECT 'Team ' || n, 'g' || n FROM generate_series(1, $1::int) n`, [TEAMS]); // prettier-ignore
  await dataSource.query(
    `INSERT INTO team_members SELECT t.id, u.id FROM teams t JOIN users u ON u.id % $1::int = t.id % $1::int`,
    [TEAMS],
  );
  await dataSource.query('ANALYZE');
});
afterAll(() => services.stop());

/** What a search finds, and how Postgres goes about each of its statements. */
async function searched(path: '/Users' | '/Groups', filter: string): Promise<{ total: number; plans: string[] }> {
  const { dataSource } = services;
  const plans: string[] = [];
  const query = async (sql: string, values: unknown[]): Promise<unknown> => {
    plans.push(JSON.stringify(await dataSource.query(`EXPLAIN (FORMAT JSON) ${sql}`, values)));
    return dataSource.query(sql, values);
  };
  const explained = { query, manager: { query } } as unknown as DataSource;
  const search = path === '/Users' ? new UserSearch(explained) : new GroupSearch(explained);
  const { total } = await search.find(readListQuery({ filter }), '');
  return { total, plans };
}

describe('what identity providers match by', () => {
  it.each([
    ['/Users', 'userName eq "P777@example.com"', 'users_user_id_'],
    ['/Users', 'userName sw "p777@"', 'users_user_id_prefix'],
    ['/Users', 'externalId eq "e777"', 'users_external_id'],
    ['/Users', 'emails.value eq "P777@example.com"', 'users_emails'],
    ['/Users', 'emails[type eq "work"].value eq "p777@example.com"', 'users_emails'],
    ['/Users', 'id eq "777"', 'users_pkey'],
    ['/Groups', 'displayName eq "TEAM 777"', 'teams_name_taken'],
    ['/Groups', 'externalId eq "g777"', 'teams_external_id'],
    ['/Groups', 'id eq "777" and members.value eq "777"', 'team'],
  ] as const)('%s with %s is looked up in an index, and no table is gone through', async (path, filter, index) => {
    const { total, plans } = await searched(path, filter);
    expect(total).toBe(1);
    expect(plans[0]).toContain(`"Index Name":"${index}`);
    for (const plan of plans) expect(plan).not.toContain('Seq Scan');
  });
});
