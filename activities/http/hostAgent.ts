import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * node:http's keeper of connections, for connections that we open ourselves: channels of SSH and TLS over them, which are no sockets.
 * One connection at a time, used again by the next request. Whatever arrives after `destroy` is closed.
 */
export class HostAgent extends Agent {
  readonly #open: (closing: AbortSignal) => Promise<Duplex>;
  readonly #closing = new AbortController();

  /** @param open must give up, and close what it has begun, when the signal aborts. */
  constructor(open: (closing: AbortSignal) => Promise<Duplex>) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#open = open;
  }

  override createConnection(_options: unknown, created?: (error: Error | null, connection: Duplex) => void): undefined {
    const failed = (error: unknown): void => (created as ((error: unknown) => void) | undefined)?.(error);
    const { signal } = this.#closing;
    this.#open(signal).then((connection) => {
      // An idle connection that breaks concerns nobody: the next request opens another.
      connection.on('error', () => {});
      const close = (): unknown => connection.destroy();
      signal.addEventListener('abort', close);
      connection.once('close', () => signal.removeEventListener('abort', close));
      if (signal.aborted) close();
      likeSocket(connection);
      created?.(null, connection);
    }, failed);
  }

  override destroy(): void {
    super.destroy();
    this.#closing.abort();
  }
}

/** The base class sets TCP options, which a channel of SSH does not have. */
function likeSocket(connection: Duplex): void {
  for (const name of ['setKeepAlive', 'setNoDelay', 'setTimeout', 'ref', 'unref'])
    if (!(name in connection)) Object.defineProperty(connection, name, { value: () => connection });
}
