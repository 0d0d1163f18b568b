import type { Readable, Writable } from 'node:stream';

import { failure } from '../failure.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { endOf, redact, showControlCharacters } from '../tools/redact.ts';
import { endsWithin, unlessAborted } from '../tools/unlessAborted.ts';
import { keepTail, stderrTailBytesMax, type KeptOutput } from './boundedOutput.ts';
import type { CommandResult, RunOptions } from './host.ts';
import { checkCommand, describeCommand } from './shellText.ts';

/** A command under way, on this machine or at the other end of a channel. */
export interface StartedCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit code, 128 + n for signal n. Rejects when the way to the host is lost. */
  readonly exitCode: Promise<number>;
  /** Sends to the command's whole process group, on the host itself. Never rejects. */
  kill(signal: 'TERM' | 'KILL'): Promise<void>;
  /** Lets go of the local side of a command that does not end. */
  abandon(): void;
}

export type StartCommand = (command: readonly string[], signal: AbortSignal) => Promise<StartedCommand>;

export interface SupervisedCommand {
  readonly stdout: Readable;
  /** The end of the command as `run` promises it, once `output` has been read to its end. */
  end(output: Pick<KeptOutput, 'text' | 'truncated' | 'ended'>): Promise<CommandResult>;
  /** Ends the command as an abort does; `end` then rejects with this error. */
  giveUp(error: Error): void;
}

const killAfterMs = 5_000;

/** Starts a command under its time limit and cancellation signal, and judges its end. The same for local and remote commands. */
export async function superviseCommand(
  hostName: string,
  command: readonly string[],
  options: RunOptions,
  start: StartCommand,
): Promise<SupervisedCommand> {
  checkCommand(command);
  const { signal, timeoutSeconds, input = '' } = options;
  if (signal?.aborted) throw cancellationOf(signal);
  const beganMs = performance.now();
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal ? cancellationOf(signal) : undefined);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timeUp = (): void =>
    stop.abort(failure('CommandFailed', `${describeCommand(command)} on ${hostName} did not end within ${timeoutSeconds} s`));
  const timer = timeoutSeconds === undefined ? undefined : setTimeout(timeUp, timeoutSeconds * 1000);
  const release = (): void => {
    signal?.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  };

  let started: StartedCommand;
  try {
    started = await start(command, stop.signal);
  } catch (error) {
    release();
    throw error;
  }
  const stderr = keepTail(started.stderr, stderrTailBytesMax);
  // A command that ends without reading its input closes the pipe; its exit code tells what matters.
  started.stdin.on('error', () => {});
  started.stdin.end(input);

  return {
    stdout: started.stdout,
    giveUp: (error) => stop.abort(error),
    end: async (output) => {
      try {
        const exitCode = await endOrStop(started, [output.ended, stderr.ended], stop.signal);
        const elapsedMs = Math.round(performance.now() - beganMs);
        const result = { exitCode, stdout: output.text, stderrTail: stderr.text, truncated: output.truncated, elapsedMs };
        judge(hostName, command, options, result);
        return result;
      } finally {
        release();
      }
    },
  };
}

async function endOrStop(started: StartedCommand, outputs: Promise<void>[], stop: AbortSignal): Promise<number> {
  const ended = Promise.all([started.exitCode, ...outputs]).then(([exitCode]) => exitCode);
  try {
    return await unlessAborted(ended, [stop]);
  } catch (error) {
    if (!stop.aborted) {
      started.abandon();
      throw error;
    }
    // Not the output: whoever read it may have stopped reading.
    await started.kill('TERM');
    if (!(await endsWithin(started.exitCode, killAfterMs))) {
      await started.kill('KILL');
      await endsWithin(started.exitCode, killAfterMs);
    }
    started.abandon();
    throw stop.reason;
  }
}

function judge(hostName: string, command: readonly string[], options: RunOptions, result: CommandResult): void {
  const { exitCode, stderrTail, elapsedMs } = result;
  if ((options.accept ?? [0]).includes(exitCode)) return;
  const said = endOf(showControlCharacters(redact(stderrTail)), 2_000);
  const message = `${describeCommand(command)} on ${hostName} ended with exit code ${exitCode} after ${(elapsedMs / 1000).toFixed(1)} s`;
  throw failure(exitCode === 127 ? 'CommandNotFound' : 'CommandFailed', said === '' ? message : `${message}: ${said}`, {
    host: hostName,
    exitCode,
    elapsedMs,
  });
}
