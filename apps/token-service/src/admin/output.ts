/** Writes what a command found or did: for people, or as one JSON document. */
export class Output {
  constructor(
    private readonly asJson: boolean,
    private readonly write: (text: string) => void,
  ) {}

  /** @param lines the same for people */
  say(value: object, lines: readonly string[]): void {
    this.write(this.asJson ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`);
  }
}

/** Columns as wide as what is in them. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()); // prettier-ignore
}
