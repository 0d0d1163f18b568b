import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';

import { CancelledFailure } from '@temporalio/common';

import { freePort } from '../../../deploy/lab/freePort.ts';
import { ConnectionRefused, type Host } from '../../../activities/hosts/host.ts';
import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { isRunning, sshServerMissing, startSshServer, type SshServer } from './sshServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const localRef: HostRef = {
  name: 'here',
  address: '127.0.0.1',
  reach: { kind: 'local' },
  serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
  stateDirectory: join(tmpdir(), 'nightshift-state'),
};

const missing = sshServerMissing();
let server: SshServer;
let hosts: ReturnType<typeof createHosts>;

/** What both ways to a host promise alike. */
for (const way of ['local', 'ssh'] as const) {
  describe(`a host over ${way}`, { skip: way === 'ssh' && missing }, () => {
    let host: Host;
    let directory: string;
    before(async () => {
      directory = mkdtempSync(join(tmpdir(), 'nightshift-hosts-'));
      if (way === 'ssh') server = await startSshServer();
      hosts = createHosts({ resolveSecret: (name) => server.resolveSecret(name) });
      host = await hosts.openHost(way === 'ssh' ? server.ref() : localRef);
    });
    after(async () => {
      rmSync(directory, { recursive: true, force: true });
      await hosts?.close();
      if (way === 'ssh') await server?.stop();
    });

    test('gives standard output, the exit code when accepted, and the time', async () => {
      const result = await host.run(['sh', '-c', 'echo out; echo err >&2; exit 3'], { accept: [0, 3] });
      assert.equal(result.stdout, 'out\n');
      assert.equal(result.stderrTail, 'err\n');
      assert.equal(result.exitCode, 3);
      assert.equal(result.truncated, false);
      assert.ok(result.elapsedMs >= 0);
    });

    test('writes standard input whole and closes it', async () => {
      const input = 'ü'.repeat(300_000);
      const { stdout } = await host.run(['wc', '-c'], { input });
      assert.equal(Number(stdout), 600_000);
    });

    test('tells exit code and end of the error output, without secrets in URLs, when the code is not accepted', async () => {
      const run = host.run(['sh', '-c', 'echo "cannot reach mongodb://root:secret1@db/" >&2; exit 4']);
      await assert.rejects(run, (error: Error & { type?: string }) => {
        assert.equal(error.type, 'CommandFailed');
        assert.match(error.message, /exit code 4 .*cannot reach mongodb:\/\/\*\*\*@db/);
        assert.doesNotMatch(error.message, /secret1/);
        return true;
      });
    });

    test('says which program is missing', async () => {
      await assert.rejects(host.run(['nightshift-no-such-program']), { type: 'CommandNotFound' });
    });

    test('names the signal as 128 + n when the command was killed', async () => {
      const { exitCode } = await host.run(['sh', '-c', 'kill -KILL $$'], { accept: [137] });
      assert.equal(exitCode, 137);
    });

    test('hands over arguments as they are, whatever they hold', async () => {
      const pieces = [
        "'",
        '"',
        '\n',
        '\\',
        `$( touch ${join(directory, 'poison')} )`,
        '`id`',
        '-rf',
        ' ',
        '*',
        '~',
        '!',
        ';',
        '&&',
        '|',
        '#',
        'é😀',
        '\t',
        '%s',
        '$HOME',
        '\r',
        '\u001b[31m',
        '',
        '--',
        '{a,b}',
        '\\n',
      ];
      const random = seededRandom(20261121);
      for (let round = 0; round < 40; round += 1) {
        const args = Array.from({ length: 8 }, () =>
          Array.from({ length: Math.floor(random() * 6) }, () => pieces[Math.floor(random() * pieces.length)]).join(''),
        );
        const { stdout } = await host.run([
          process.execPath,
          '-e',
          'process.stdout.write(JSON.stringify(process.argv.slice(1)))',
          '--',
          ...args,
        ]);
        assert.deepEqual(JSON.parse(stdout), args);
      }
      assert.equal(existsSync(join(directory, 'poison')), false);
    });

    test('refuses NUL, an empty command and a program that looks like an option', async () => {
      for (const command of [['echo', 'a\0b'], [], ['-c'], ['echo', 'x'.repeat(200_000)]])
        await assert.rejects(host.run(command), { type: 'InvalidInput' });
    });

    test('keeps the first MiB of 200 MB of output and stays small', async () => {
      const before = process.memoryUsage().rss;
      const result = await host.run(['sh', '-c', 'head -c 200000000 /dev/zero | tr "\\0" x']);
      assert.equal(result.stdout.length, 1024 * 1024);
      assert.equal(result.truncated, true);
      const growth = process.memoryUsage().rss - before;
      assert.ok(growth < 120_000_000, `memory grew by ${growth} bytes`);
    });

    test('keeps the last 8 KiB of a flood on the error output', async () => {
      const result = await host.run(['sh', '-c', 'head -c 50000000 /dev/zero | tr "\\0" e >&2; echo the end >&2']);
      assert.equal(Buffer.byteLength(result.stderrTail), 8 * 1024);
      assert.match(result.stderrTail, /the end\n$/);
    });

    test('gives bytes that are no text and no line end without harm', async () => {
      const { stdout } = await host.run(['printf', '\\377\\000\\033[31m\\rno newline']);
      assert.match(stdout, /no newline$/);
    });

    test('ends the command and its children on the host when aborted, and is told as cancelled', async () => {
      const abort = new AbortController();
      const file = join(directory, 'pids');
      const run = host.run(['sh', '-c', `sleep 300 & echo $$ $! > ${file}; wait`], { signal: abort.signal });
      run.catch(() => {});
      await waitUntil('the command tells its pids', () => existsSync(file) && readFileSync(file, 'utf8').includes('\n'));
      const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number);
      assert.equal(pids.every(isRunning), true);
      const reason = new CancelledFailure('by the operator');
      abort.abort(reason);
      await assert.rejects(run, (error) => error === reason);
      await waitUntil('both processes are gone', () => !pids.some(isRunning));
    });

    test('kills what ignores TERM after 5 s', async () => {
      const abort = new AbortController();
      const file = join(directory, 'stubborn');
      const run = host.run(['sh', '-c', `trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done`], { signal: abort.signal });
      run.catch(() => {});
      await waitUntil('the command tells its pid', () => existsSync(file) && readFileSync(file, 'utf8').includes('\n'));
      const pid = Number(readFileSync(file, 'utf8'));
      const beganMs = performance.now();
      abort.abort();
      await assert.rejects(run, { name: 'AbortError' });
      assert.equal(isRunning(pid), false);
      const elapsedMs = performance.now() - beganMs;
      assert.ok(elapsedMs > 4_900, `${elapsedMs} ms`);
    });

    test('ends a command that meets its time limit', async () => {
      await assert.rejects(host.run(['sleep', '300'], { timeoutSeconds: 0.3 }), {
        type: 'CommandFailed',
        message: /did not end within 0.3 s/,
      });
    });

    test('does not start a command when already aborted', async () => {
      await assert.rejects(host.run(['touch', join(directory, 'late')], { signal: AbortSignal.abort() }), { name: 'AbortError' });
      assert.equal(existsSync(join(directory, 'late')), false);
    });

    test('runs twenty commands at once', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) => host.run(['sh', '-c', 'sleep 0.1; echo "$1"', 'sh', String(index)])),
      );
      assert.deepEqual(
        results.map(({ stdout }) => Number(stdout)),
        Array.from({ length: 20 }, (_, index) => index),
      );
    });

    test('streams output without a limit', async () => {
      const { stdout, done } = await host.stream(['sh', '-c', 'head -c 30000000 /dev/zero']);
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        hash.update(chunk);
      }
      assert.equal(bytes, 30_000_000);
      assert.equal(hash.digest('hex'), createHash('sha256').update(Buffer.alloc(30_000_000)).digest('hex'));
      assert.equal((await done).exitCode, 0);
    });

    test('does not end the stream well when the command fails half-way', async () => {
      const { stdout, done } = await host.stream(['sh', '-c', 'head -c 100000 /dev/zero; exit 9']);
      const read = finished(stdout.resume());
      await assert.rejects(read, { type: 'CommandFailed' });
      await assert.rejects(done, { type: 'CommandFailed' });
    });

    test('ends the command when the reader closes the stream', async () => {
      const { stdout, done } = await host.stream(['sh', '-c', 'echo $$; exec cat /dev/zero']);
      const [first] = (await once(stdout, 'data')) as [Buffer];
      const pid = Number.parseInt(first.toString('latin1'), 10);
      stdout.destroy();
      await assert.rejects(done, /closed its stream/);
      assert.equal(isRunning(pid), false);
    });

    test('connects to an open port and tells a refused one', async () => {
      const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
      await once(echo, 'listening');
      try {
        const connection = await host.connect((echo.address() as AddressInfo).port);
        connection.write('ping');
        assert.equal(String((await once(connection, 'data'))[0]), 'ping');
        connection.destroy();
        await assert.rejects(host.connect(await freePort()), ConnectionRefused);
      } finally {
        echo.close();
      }
    });

    test('does not take an address that nobody has for a refused port', async () => {
      await assert.rejects(host.connect(80, 'nightshift.invalid'), { type: 'HostUnreachable' });
    });

    test('forwards a loopback port of the worker', async () => {
      const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
      await once(echo, 'listening');
      const forward = await host.forward((echo.address() as AddressInfo).port);
      try {
        const socket = connect(forward.port, '127.0.0.1');
        socket.write('over there');
        assert.equal(String((await once(socket, 'data'))[0]), 'over there');
        const closed = once(socket, 'close');
        await forward.close();
        await closed;
      } finally {
        await forward.close();
        echo.close();
      }
    });
  });
}

/** A small generator (mulberry32), so that a failing round can be had again. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
