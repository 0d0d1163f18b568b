/** Reads a body and keeps at most `bytesMax` of it; the rest is read all the same, up to four times as much. */
export async function toTheEnd({ body }: Response, bytesMax = 0): Promise<string> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    if (bytes < bytesMax) kept.push(chunk.subarray(0, bytesMax - bytes));
    bytes += chunk.length;
    if (bytes > Math.max(4 * bytesMax, 4_000_000)) break;
  }
  return Buffer.concat(kept).toString('utf8');
}
