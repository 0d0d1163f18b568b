import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';

import { keepHead, stdoutBytesMax } from './boundedOutput.ts';
import type { Host } from './host.ts';
import { superviseCommand, type StartCommand } from './superviseCommand.ts';

/** The two ways to run a command, over whatever starts it. */
export function createCommandRunner(hostName: string, start: StartCommand): Pick<Host, 'run' | 'stream'> {
  return {
    async run(command, options = {}) {
      const supervised = await superviseCommand(hostName, command, options, start);
      return supervised.end(keepHead(supervised.stdout, stdoutBytesMax));
    },

    async stream(command, options = {}) {
      const supervised = await superviseCommand(hostName, command, options, start);
      const stdout = new PassThrough({ highWaterMark: 1024 * 1024 });
      const read = finished(supervised.stdout, { writable: false }).catch(() => {});
      supervised.stdout.pipe(stdout, { end: false });
      const done = supervised.end({ text: '', truncated: false, ended: read });
      // The reader's stream ends only when the command ended well: a file cut short must not look whole.
      done.then(
        () => stdout.end(),
        (error: unknown) => stdout.destroy(error instanceof Error ? error : new Error(String(error))),
      );
      stdout.once('close', () => {
        if (!stdout.writableEnded) supervised.giveUp(new Error(`the reader of ${command[0]} on ${hostName} closed its stream`));
      });
      return { stdout, done };
    },
  };
}
