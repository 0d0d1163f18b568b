import { failure } from '../failure.ts';
import { cancellationOf } from '../tools/cancellation.ts';

export interface PageRequest {
  address: URL | string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** Absent: a redirect is an answer. */
  redirect?: 'follow';
  /** For the whole exchange, the last byte that is wanted included. */
  limitSeconds: number;
  cancelled: AbortSignal;
  /** More than this is not read; 0: nothing of the body. */
  bytesMax: number;
}

export interface Page {
  status: number;
  body: Buffer;
  /** There was more than `bytesMax`. */
  truncated: boolean;
  elapsedMs: number;
}

/** No whole answer came. The message says why, without the address: it may carry a key. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
  readonly tooLate: boolean;

  constructor(why: string, { tooLate = false } = {}) {
    super(why);
    this.tooLate = tooLate;
  }
}

/** One request from the worker's own point of view, and its answer whatever its status. Throws NoAnswer, or the cancellation. */
export async function fetchPage(request: PageRequest): Promise<Page> {
  const { address, method = 'GET', headers = {}, body, redirect = 'manual', limitSeconds, cancelled, bytesMax } = request;
  const timeOut = AbortSignal.timeout(Math.ceil(limitSeconds * 1000));
  const beganMs = performance.now();
  try {
    const signal = AbortSignal.any([cancelled, timeOut]);
    const response = await fetch(address, { method, headers, redirect, signal, ...(body === undefined ? {} : { body }) });
    const read = await readAtMost(response, bytesMax);
    return { status: response.status, ...read, elapsedMs: Math.round(performance.now() - beganMs) };
  } catch (error) {
    if (cancelled.aborted) throw cancellationOf(cancelled);
    if (timeOut.aborted) throw new NoAnswer(`no whole answer within ${limitSeconds} s`, { tooLate: true });
    const { cause } = error as { cause?: { code?: string } };
    throw new NoAnswer(cause?.code ?? 'no answer');
  }
}

/** The failure for a page that nobody gave, or gave with a status that is not wanted. */
export function pageFailure(place: string, seen: NoAnswer | Page, facts: Record<string, unknown> = {}): Error {
  if (seen instanceof NoAnswer) return failure('HttpUnreachable', `${place}: ${seen.message}`, facts);
  const { status } = seen;
  const type = status === 401 || status === 403 ? 'CredentialsRejected' : 'HttpUnexpectedAnswer';
  return failure(type, `${place} answered ${status}`, { ...facts, status });
}

export function isGood({ status }: Page): boolean {
  return status >= 200 && status < 300;
}

async function readAtMost(response: Response, bytesMax: number): Promise<Pick<Page, 'body' | 'truncated'>> {
  if (bytesMax === 0) {
    await response.body?.cancel();
    return { body: Buffer.alloc(0), truncated: false };
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk.subarray(0, bytesMax - bytes));
    bytes += chunk.length;
    if (bytes > bytesMax) break;
  }
  return { body: Buffer.concat(chunks), truncated: bytes > bytesMax };
}
