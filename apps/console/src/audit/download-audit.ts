import { targetOf } from '../api/operation.ts';
import { problemOf } from '../api/problem.ts';
import { saveFile } from '../app/save-file.ts';
import type { AuditQuery } from './audit-queries.ts';

/** Saves all that a query finds, not one page of it, as CSV. @throws ApiError */
export async function downloadAudit({ page: _page, size: _size, ...query }: AuditQuery): Promise<void> {
  const target = targetOf('/api/audit', {}, query);
  const response = await fetch(target, { credentials: 'same-origin', headers: { Accept: 'text/csv' } });
  if (!response.ok) throw await problemOf(response);
  saveFile(await response.blob(), 'portcullis-audit.csv');
}
