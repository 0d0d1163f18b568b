import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import ssh2, { type Client, type ClientChannel } from 'ssh2';

import { identifyProcess } from '../../activities/tools/processIdentity.ts';
import { generateReadableKeyPair } from '../../deploy/lab/machines/sshKeys.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { openMachine, type OneMachine } from './labDirectory.ts';

describe('the SSH front of a lab machine', () => {
  let one: OneMachine;
  let client: Client;

  /** Logs in with this key; refuses any host key but the pinned one. */
  async function logIn(privateKey: string | Buffer, username = 'lab'): Promise<Client> {
    const { address, port, hostKeyFingerprint } = one.machine.ssh;
    const opened = new ssh2.Client();
    opened.connect({
      host: address,
      port,
      username,
      privateKey,
      hostVerifier: (key: Buffer) =>
        `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}` === hostKeyFingerprint,
    });
    try {
      await once(opened, 'ready');
    } catch (error) {
      opened.destroy();
      throw error;
    } finally {
      // A reset while it ends is nobody's concern.
      opened.on('error', () => undefined);
    }
    return opened;
  }

  interface Running extends ClientChannel {
    /** When its channel has closed. */
    ended: Promise<{ code: number | null; signal: string | undefined; stdout: string; stderr: string }>;
  }

  /** Listens from the first moment on: a quick command's end may come together with its beginning. */
  function start(command: string, on = client): Promise<Running> {
    return new Promise((resolve, reject) =>
      on.exec(command, (error, channel) => (error ? reject(error) : resolve(Object.assign(channel, { ended: endOf(channel) })))),
    );
  }

  async function endOf(channel: ClientChannel): Running['ended'] {
    let [stdout, stderr] = ['', ''];
    let [code, signal]: [number | null, string | undefined] = [null, undefined];
    channel.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    channel.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    channel.on('exit', (given: number | null, name?: string) => ([code, signal] = [given, name]));
    await once(channel, 'close');
    return { code, signal, stdout, stderr };
  }

  before(async () => {
    one = await openMachine([]);
    client = await logIn(readFileSync(one.machine.ssh.privateKeyFile));
  });
  after(async () => {
    client?.destroy();
    await one?.end();
  });

  test('passes input, output, error output and the exit status', async () => {
    const channel = await start('cat; echo to-stderr >&2; exit 7');
    channel.end('from the client\n');
    assert.deepEqual(await channel.ended, { code: 7, signal: undefined, stdout: 'from the client\n', stderr: 'to-stderr\n' });
  });

  test('tells the signal that ended a command', async () => {
    const { code, signal } = await (await start('kill -KILL $$')).ended;
    assert.equal(code, null);
    assert.equal(signal, 'SIGKILL');
  });

  test('gives a signal request to the whole process group of the command', async () => {
    const file = join(one.machine.disk.here, 'group');
    const channel = await start(`sleep 60 & echo $! > ${file}; wait`);
    await waitUntil('the child', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
    channel.signal('TERM');
    assert.equal((await channel.ended).signal, 'SIGTERM');
    const child = Number(readFileSync(file, 'utf8'));
    await waitUntil('the end of the child', () => identifyProcess(child) === null);
  });

  test('leaves a command alone when its connection drops, as sshd does', async () => {
    const file = join(one.machine.disk.here, 'survivor');
    const other = await logIn(readFileSync(one.machine.ssh.privateKeyFile));
    const closed = once(other, 'close');
    await start(`while [ ! -e ${file}.now ]; do sleep 0.05; done; echo lives > ${file}`, other);
    other.destroy();
    await closed;
    writeFileSync(`${file}.now`, '');
    await waitUntil('the file of the command', () => existsSync(file));
  });

  test('moves large output whole', async () => {
    const { stdout, code } = await (await start('head -c 5000000 /dev/zero | tr "\\0" x')).ended;
    assert.equal(stdout.length, 5_000_000);
    assert.equal(code, 0);
  });

  test('refuses the eleventh session of a connection, and takes one again when another has ended', async () => {
    const other = await logIn(readFileSync(one.machine.ssh.privateKeyFile));
    try {
      const open = await Promise.all(Array.from({ length: 10 }, () => start('cat', other)));
      await assert.rejects(start('true', other), /open failure/i);
      const [first] = open;
      assert.ok(first);
      first.end();
      await first.ended;
      assert.equal((await (await start('true', other)).ended).code, 0);
    } finally {
      other.destroy();
    }
  });

  test('forwards to an open port', async () => {
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, one.machine.address);
    await once(echo, 'listening');
    const { port } = echo.address() as AddressInfo;
    const stream = await new Promise<ClientChannel>((resolve, reject) =>
      client.forwardOut('127.0.0.1', 0, one.machine.address, port, (error, channel) => (error ? reject(error) : resolve(channel))),
    );
    stream.write('there and back');
    const [answer] = (await once(stream, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'there and back');
    stream.destroy();
    echo.close();
  });

  test('answers a forward to a closed port with CONNECT_FAILED', async () => {
    const error = await new Promise<Error & { reason?: number }>((resolve, reject) =>
      client.forwardOut('127.0.0.1', 0, one.machine.address, 9, (refusal) => (refusal ? resolve(refusal) : reject(new Error('opened')))),
    );
    assert.equal(error.reason, 2);
    assert.match(error.message, /Connection refused/);
  });

  test('lets in nobody with another key or another name', async () => {
    await assert.rejects(logIn(generateReadableKeyPair('').private), /authentication methods failed/);
    await assert.rejects(logIn(readFileSync(one.machine.ssh.privateKeyFile), 'root'), /authentication methods failed/);
  });
});
