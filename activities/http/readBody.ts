import type { IncomingMessage } from 'node:http';

import type { HttpAnswer } from './http.contract.ts';

const jsonBytesMax = 256 * 1024;
const textCharactersMax = 2_000;

/** Reads what the contract keeps of a body; the rest of a larger one is not awaited, and its connection is closed. */
export async function readBody(response: IncomingMessage): Promise<Pick<HttpAnswer, 'json' | 'text'>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > jsonBytesMax) break;
  }
  if (bytes === 0) return {};
  const whole = bytes <= jsonBytesMax;
  // In the manner of a stream when cut, so that half a character at the cut is left out.
  const text = new TextDecoder().decode(Buffer.concat(chunks), { stream: !whole });
  if (whole) {
    try {
      return { json: JSON.parse(text) as unknown };
    } catch {
      // Not JSON: shown as text.
    }
  }
  return {
    text: Array.from(text.slice(0, 2 * textCharactersMax))
      .slice(0, textCharactersMax)
      .join(''),
  };
}
