import { failure } from '../failure.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { whyNoAnswer } from '../tools/whyNoAnswer.ts';

const answerBytesMax = 512 * 1024 * 1024;
const limitSecondsDefault = 180;

export interface ContentRequest {
  /** Address of the API, without the path of the learning content. */
  url: string;
  /** The key itself; goes into the header and nowhere else. */
  apiKey: string;
  /** Name for the `client` header. */
  app: string;
  /** For the whole exchange, the last byte of the answer included; default 180. */
  limitSeconds?: number;
  signal?: AbortSignal;
}

/**
 * GET <url>/databases/airtable; answers the parsed body. Repeatable: reads only. The connection is cut at the limit and when the signal aborts.
 * Fails with HttpUnreachable (also past the limit), HttpUnexpectedAnswer (also an empty body or no JSON), CredentialsRejected, InvalidInput.
 * Messages name the server, never the key or the whole address.
 */
export async function fetchLearningContent({
  url,
  apiKey,
  app,
  limitSeconds = limitSecondsDefault,
  signal,
}: ContentRequest): Promise<unknown> {
  const { address, headers } = describeRequest({ url, apiKey, app });
  const place = `learning content at ${address.host}`;
  const timeOut = AbortSignal.timeout(Math.ceil(limitSeconds * 1000));
  const ended = signal ? AbortSignal.any([signal, timeOut]) : timeOut;
  try {
    const response = await fetch(address, { headers, signal: ended });
    if (!response.ok) {
      await response.body?.cancel();
      const type = response.status === 401 || response.status === 403 ? 'CredentialsRejected' : 'HttpUnexpectedAnswer';
      throw failure(type, `${place} answered ${response.status}`, { status: response.status });
    }
    return parse(await readAll(response, place), place);
  } catch (error) {
    if (signal?.aborted) throw cancellationOf(signal);
    if (timeOut.aborted) throw failure('HttpUnreachable', `${place}: no whole answer within ${limitSeconds} s`);
    if (error instanceof Error && error.name === 'ApplicationFailure') throw error;
    throw failure('HttpUnreachable', `${place}: ${whyNoAnswer(error)}`);
  }
}

/** What the platform's own errors would repeat in clear is looked at here first. */
function describeRequest({ url, apiKey, app }: Pick<ContentRequest, 'url' | 'apiKey' | 'app'>): {
  address: URL;
  headers: Record<string, string>;
} {
  const base = URL.parse(url);
  if (!base || !/^https?:$/.test(base.protocol) || base.username !== '' || base.password !== '')
    throw failure('InvalidInput', 'the address of the learning content must be an http(s) URL without user and password');
  if (!/^[\x21-\x7e]+$/.test(apiKey))
    throw failure('CredentialsRejected', 'the key of the learning content is empty or holds characters that no header may have');
  if (!/^[\x20-\x7e]+$/.test(app)) throw failure('InvalidInput', `the app's name cannot stand in a header: ${JSON.stringify(app)}`);
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/databases/airtable`;
  return { address: base, headers: { accept: 'application/json', authorization: `Bearer ${apiKey}`, client: app } };
}

async function readAll(response: Response, place: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (!response.body) return Buffer.alloc(0);
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw failure('HttpUnexpectedAnswer', `${place} answered more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(body: Buffer, place: string): unknown {
  const text = body.toString('utf8').trim();
  if (text === '') throw failure('HttpUnexpectedAnswer', `${place} answered with an empty body`);
  try {
    return JSON.parse(text);
  } catch {
    throw failure('HttpUnexpectedAnswer', `${place} answered ${body.length} bytes that are no JSON: cut short, or another page`);
  }
}
