/** Puts text on the clipboard. @returns whether it is there: a page over plain http may not use the clipboard's API */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const listener = (event: ClipboardEvent): void => {
    event.preventDefault();
    event.clipboardData?.setData('text/plain', text);
  };
  document.addEventListener('copy', listener);
  try {
    // Deprecated, and all that there is where the page isn't a secure context.
    return document.execCommand('copy');
  } finally {
    document.removeEventListener('copy', listener);
  }
}
