import { readFile } from 'node:fs/promises';

/** A page of the manual, without what stands in fences: that is code. */
export async function readMarkdown(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
}

/** What a link to each heading of a page ends with, as GitHub makes it. */
export function headingAnchors(markdown: string): string[] {
  const seen = new Map<string, number>();
  return [...markdown.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading]) => {
    const slug = heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-'); // prettier-ignore
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

/** Where its links and images lead. */
export function linkTargets(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(<?([^\s)>]+)>?\)/g)].map(([, target]) => target!);
}
