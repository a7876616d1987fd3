import type { AuditRecordDto } from '../api/generated/types.gen.ts';

/** One thing that a record says of what was done: `role: Member → Editor`, or `reason: revoked`. */
export interface Fact {
  name: string;
  before?: string;
  after?: string;
}

const FACTS_MAX = 8;

/** What tells a new thing, or one that is gone, from others; the rest of it is in the export. */
const TELLING = ['name', 'user', 'role', 'teams', 'expiration'];

/** @returns what differs between before and after; for something new or gone, what it is */
export function changesOf({ before, after }: Pick<AuditRecordDto, 'before' | 'after'>): Fact[] {
  const [old, now] = [before ?? {}, after ?? {}] as [Record<string, unknown>, Record<string, unknown>];
  if (!before || !after) return describe(before ? old : now, before ? 'before' : 'after');
  return Object.keys(now)
    .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
    .slice(0, FACTS_MAX)
    .map((name) => ({ name, ...(name in old && { before: textOf(old[name]) }), after: textOf(now[name]) }));
}

function describe(thing: Record<string, unknown>, side: 'before' | 'after'): Fact[] {
  const telling = Object.keys(thing).filter((name) => TELLING.includes(name));
  const names = telling.length > 0 ? telling : Object.keys(thing).slice(0, FACTS_MAX);
  return names.map((name) => ({ name, [side]: textOf(thing[name]) }));
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value)) return value.map(textOf).join(', ') || 'none';
  if (typeof value !== 'object') return String(value);
  return 'user_id' in value ? String(value.user_id) : JSON.stringify(value);
}
