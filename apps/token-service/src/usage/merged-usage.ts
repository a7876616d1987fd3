import type { UsageEntry } from '@portcullis/contracts';

/** Adds a use to another one of the same token in the same hour; the later one says where it came from. */
function merge(into: UsageEntry, { count, last_used, ip }: UsageEntry): UsageEntry {
  const isLater = last_used >= into.last_used;
  return { ...into, count: into.count + count, ...(isLater ? { last_used, ip } : {}) };
}

/** One entry per token and hour, ordered by both: the order in which rows are locked everywhere. */
export function mergedByHour(entries: readonly UsageEntry[]): UsageEntry[] {
  return [...mergedBy(entries, ({ token_id, hour }) => `${token_id}/${hour}`)].toSorted(
    (a, b) => a.token_id - b.token_id || a.hour - b.hour,
  );
}

/** One entry per token, ordered by it. */
export function mergedByToken(entries: readonly UsageEntry[]): UsageEntry[] {
  return [...mergedBy(entries, ({ token_id }) => String(token_id))].toSorted((a, b) => a.token_id - b.token_id);
}

function mergedBy(entries: readonly UsageEntry[], keyOf: (entry: UsageEntry) => string): Iterable<UsageEntry> {
  const merged = new Map<string, UsageEntry>();
  for (const entry of entries) {
    const known = merged.get(keyOf(entry));
    merged.set(keyOf(entry), known ? merge(known, entry) : entry);
  }
  return merged.values();
}
