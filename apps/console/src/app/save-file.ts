/** Some browsers read it only after the click; one that finds it gone saves nothing. */
const KEPT_MS = 60_000;

/** Has the browser save what the page already holds. */
export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
