const EXCERPT_CHARACTERS_MAX = 4_096;
/** Pino's numbers: 40 is `warn`, 50 `error`, 60 `fatal`. */
const WARN_LEVEL = 40;

/**
 * Picks from the end of a log what explains why a process ended: whatever is not a structured line, such as the message that a
 * program leaves as it gives up, and the errors and warnings among the structured lines; all lines where there is nothing of the kind.
 *
 * @returns 4,096 characters at most, whole lines where possible.
 */
export function logExcerpt(log: string): string {
  const lines = log.split('\n');
  const telling = lines.map(tellingPart).filter((line) => line !== undefined);
  const text = (telling.some((line) => line.trim() !== '') ? telling : lines).join('\n').trim();
  if (text.length <= EXCERPT_CHARACTERS_MAX) return text;
  const end = text.slice(-EXCERPT_CHARACTERS_MAX);
  return end.slice(end.indexOf('\n') + 1);
}

/** A line as it is when it is plain text, the message when it is an error or a warning; `undefined` for what is logged as things go well. */
function tellingPart(line: string): string | undefined {
  const entry = parseEntry(line);
  if (!entry) return line;
  if (entry.level < WARN_LEVEL) return undefined;
  return [entry.msg, entry.err?.message].filter((part, index, all) => part && all.indexOf(part) === index).join(': ');
}

interface Entry {
  level: number;
  msg?: string;
  err?: { message?: string };
}

function parseEntry(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as Partial<Entry>;
    return typeof entry.level === 'number' ? (entry as Entry) : undefined;
  } catch {
    return undefined;
  }
}
