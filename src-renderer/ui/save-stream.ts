/** Saves a stream of the engine as a file of the person's choice, without holding it in memory where the browser can do that. */

interface FilePicker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<{
    createWritable(): Promise<{
      write(bytes: Uint8Array): Promise<void>;
      close(): Promise<void>;
      abort(): Promise<void>;
    }>;
  }>;
}

/** Resolves when the file is written, also when the person thinks better of it. */
export async function saveStream(
  name: string,
  stream: Promise<AsyncIterable<Uint8Array>>,
): Promise<void> {
  const { showSaveFilePicker } = globalThis as FilePicker;
  if (!showSaveFilePicker) return download(name, await stream);
  const handle = await showSaveFilePicker({ suggestedName: name }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  });
  if (!handle) return undefined;
  const file = await handle.createWritable();
  try {
    for await (const bytes of await stream) await file.write(bytes);
    await file.close();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

async function download(name: string, stream: AsyncIterable<Uint8Array>): Promise<void> {
  const parts: BlobPart[] = [];
  for await (const bytes of stream) parts.push(bytes as Uint8Array<ArrayBuffer>);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(parts));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
