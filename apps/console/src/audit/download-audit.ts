import { problemOf } from '../api/problem.ts';
import type { AuditQuery } from './audit-queries.ts';

/** Saves all that a query finds, not one page of it, as CSV. @throws ApiError */
export async function downloadAudit({ page: _page, size: _size, ...query }: AuditQuery): Promise<void> {
  const found = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(found.map(([name, value]) => [name, String(value)]));
  const response = await fetch(`/api/audit?${search}`, { credentials: 'same-origin', headers: { Accept: 'text/csv' } });
  if (!response.ok) throw await problemOf(response);
  const url = URL.createObjectURL(await response.blob());
  Object.assign(document.createElement('a'), { href: url, download: 'portcullis-audit.csv' }).click();
  URL.revokeObjectURL(url);
}
