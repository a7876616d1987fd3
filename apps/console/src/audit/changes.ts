import type { AuditRecordDto } from '../api/generated/types.gen.ts';

/** One thing that a record says of what was done: `role: Member → Editor`, or `reason: revoked`. */
export interface Fact {
  name: string;
  before?: string;
  after?: string;
}

const FACTS_MAX = 8;

/** @returns what differs between before and after; for something new or gone, what it was called */
export function changesOf({ before, after }: Pick<AuditRecordDto, 'before' | 'after'>): Fact[] {
  const [old, now] = [before ?? {}, after ?? {}] as [Record<string, unknown>, Record<string, unknown>];
  if (before && !after) return namesOf(old);
  return Object.keys(now)
    .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
    .slice(0, FACTS_MAX)
    .map((name) => ({
      name,
      ...(name in old && { before: textOf(old[name]) }),
      after: textOf(now[name]),
    }));
}

function namesOf(gone: Record<string, unknown>): Fact[] {
  return typeof gone['name'] === 'string' ? [{ name: 'name', before: gone['name'] }] : [];
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value)) return value.map(textOf).join(', ') || 'none';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
