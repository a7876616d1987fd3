/** A pattern for `ILIKE` that finds `text` anywhere, taking `%`, `_` and `\` in it literally. */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
