import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';

export interface PictureFacts {
  width: number;
  height: number;
  /** How many different colours; a blank page has one. */
  colours: number;
  /** Share of the pixels that have the commonest colour. */
  commonestShare: number;
}

/** Reads a PNG and says whether there is anything to be seen in it. @throws when it is missing or no PNG */
export async function pictureFacts(path: string): Promise<PictureFacts> {
  const { width, height, data } = PNG.sync.read(await readFile(path));
  const counts = new Map<number, number>();
  for (let at = 0; at < data.length; at += 4) {
    const colour = data.readUInt32BE(at);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  return { width, height, colours: counts.size, commonestShare: Math.max(...counts.values()) / (width * height) };
}
