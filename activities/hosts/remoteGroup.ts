import { randomBytes } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

import { shellText } from './shellText.ts';

/**
 * Run on the host before the command: tells the process id, makes sure that it leads a process group (most sshd do this already)
 * and becomes the command. So the command and its children can be ended from another channel, also where sshd ignores signals.
 */
const leaderScript = `printf '%s %s\\n' "$1" "$$" >&2
shift
if 2>/dev/null read -r pid name state parent group rest </proc/$$/stat && [ "$group" != "$$" ]; then exec setsid "$@"; fi
exec "$@"`;

const searchBytesMax = 64 * 1024;

export function leaderText(command: readonly string[]): { text: string; marker: string } {
  const marker = `nightshift-${randomBytes(12).toString('hex')}`;
  return { text: `exec ${shellText(['sh', '-c', leaderScript, 'nightshift', marker, ...command])}`, marker };
}

/** Sends a signal to the whole group; `sudo` for commands that run as another user. */
export function killText(processId: number, signal: 'TERM' | 'KILL', sudo: boolean): string {
  const kill = `kill -s ${signal} -- -${processId} 2>/dev/null || kill -s ${signal} ${processId} 2>/dev/null`;
  return sudo ? `${kill} || sudo -n kill -s ${signal} -- -${processId}` : kill;
}

/** Takes the line with the process id out of the error output. Login files may have written before it. */
export class ProcessIdLine extends Transform {
  processId: number | undefined;
  /** Resolves when the id is known, or will never be. */
  readonly told: Promise<void>;
  readonly #tell: () => void;
  readonly #marker: string;
  #searched: Buffer | undefined = Buffer.alloc(0);

  constructor(marker: string) {
    super();
    this.#marker = marker;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.told = promise;
    this.#tell = resolve;
    this.once('close', resolve);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#searched === undefined) {
      done(null, chunk);
      return;
    }
    this.#searched = Buffer.concat([this.#searched, chunk]);
    const found = new RegExp(`${this.#marker} (\\d+)\\n`).exec(this.#searched.toString('latin1'));
    if (!found && this.#searched.length < searchBytesMax) {
      done();
      return;
    }
    if (found) {
      this.processId = Number(found[1]);
      this.push(this.#searched.subarray(0, found.index));
      this.push(this.#searched.subarray(found.index + found[0].length));
    } else this.push(this.#searched);
    this.#searched = undefined;
    this.#tell();
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#searched) this.push(this.#searched);
    done();
  }
}
