import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a secret so that only its owner can read it, whole or not at all, even if the machine stops in between. */
export async function writeSecretFile(path: string, secret: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
