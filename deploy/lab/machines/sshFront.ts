// SSH front of one lab machine. It STANDS IN FOR sshd (OpenSSH) on a host without root: the same protocol, the same habits, one machine.
// What it does as sshd does: public keys only; `exec` through /bin/sh -c in a process group of its own; exit status or signal; channel
// signals to the whole group; a command outlives its connection; at most 10 sessions per connection (MaxSessions); direct-tcpip,
// where a refused connection comes back as a channel-open failure CONNECT_FAILED. Not there: shells with a terminal, sftp, agents.
// Started as `sshFront.ts CONFIGURATION.json` by supervisorMachines.ts.
import { spawn } from 'node:child_process';
import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from 'ssh2';

export interface SshFrontConfiguration {
  machine: string;
  address: string;
  port: number;
  user: string;
  hostKeyFile: string;
  /** The one public key that may log in, OpenSSH format. */
  authorizedKey: string;
  /** Directory in which commands begin. */
  home: string;
}

const maxSessions = 10;
const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost)$/;

function readConfiguration(file: string | undefined): SshFrontConfiguration {
  if (!file) throw new Error('usage: sshFront.ts CONFIGURATION.json');
  return JSON.parse(readFileSync(file, 'utf8')) as SshFrontConfiguration;
}

const configuration = readConfiguration(process.argv[2]);
const authorized = ssh2.utils.parseKey(configuration.authorizedKey);
if (authorized instanceof Error) throw authorized;
const authorizedBlob = authorized.getPublicSSH();

function say(line: string): void {
  console.log(`${new Date().toISOString()} ${configuration.machine}: ${line}`);
}

function mayLogIn(context: AuthContext): boolean {
  if (context.method !== 'publickey' || context.username !== configuration.user || authorized instanceof Error) return false;
  const { data } = context.key;
  if (data.length !== authorizedBlob.length || !timingSafeEqual(data, authorizedBlob)) return false;
  // Without a signature the client only asks whether the key would do.
  return !context.signature || !context.blob || authorized.verify(context.blob, context.signature, context.hashAlgo) === true;
}

/** One command, as sshd runs it: its own session and process group, its exit told once, its pipes closed when the connection is gone. */
function runCommand(channel: ServerChannel, command: string, onSignal: (handle: (name: string) => void) => void): void {
  const child = spawn('/bin/sh', ['-c', command], { cwd: configuration.home, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const started = child.pid;
  onSignal((name) => {
    if (started === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-started, `SIG${name}`);
    } catch (error) {
      say(`signal ${name} to ${started}: ${String(error)}`);
    }
  });
  child.on('error', (error) => {
    channel.stderr.write(`${error.message}\n`);
    channel.exit(127);
    channel.end();
  });
  child.stdin.on('error', () => undefined);
  channel.on('error', () => undefined);
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.on('exit', (code, signal) => {
    if (!channel.writable) return;
    if (signal) channel.exit(signal.slice(3), false, '');
    else channel.exit(code ?? 255);
  });
  child.on('close', () => channel.end());
  channel.on('close', () => {
    // The connection is gone or the client closed: as with sshd the command lives on, but nobody reads it.
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  });
}

function serveSession(session: Session, ended: () => void): void {
  let signal: (name: string) => void = () => undefined;
  session.on('signal', (accept, _reject, { name }) => {
    accept?.();
    signal(name);
  });
  session.on('exec', (accept, _reject, { command }) => {
    runCommand(accept(), command, (handle) => {
      signal = handle;
    });
  });
  for (const refused of ['pty', 'env', 'shell', 'sftp', 'subsystem', 'x11', 'auth-agent'] as const)
    (session as NodeJS.EventEmitter).on(refused, (_accept: unknown, reject?: () => void) => reject?.());
  session.on('close', ended);
}

/**
 * sshd says why it could not open a channel ("Connection refused"); ssh2's server leaves the text empty. The message is made by the connection's
 * protocol object, so the text is put in there for the refusals made inside `explain`.
 */
function refusalsExplained(client: Connection): (why: string, reject: () => void) => void {
  const { _protocol: protocol } = client as unknown as {
    _protocol: { channelOpenFail: (recipient: number, reason: number, description?: string) => void };
  };
  const send = protocol.channelOpenFail.bind(protocol);
  let text = '';
  protocol.channelOpenFail = (recipient, reason, description) =>
    send(recipient, reason, description === undefined || description === '' ? text : description);
  return (why, reject) => {
    text = why;
    reject();
    text = '';
  };
}

function serveConnection(client: Connection): void {
  let sessions = 0;
  client.on('error', () => undefined);
  client.on('authentication', (context) => (mayLogIn(context) ? context.accept() : context.reject(['publickey'])));
  client.on('session', (accept, reject) => {
    if (sessions >= maxSessions) return reject();
    sessions += 1;
    return serveSession(accept(), () => {
      sessions -= 1;
    });
  });
  const explain = refusalsExplained(client);
  client.on('tcpip', (accept, reject, { destIP, destPort }) => {
    if (!loopback.test(destIP)) return reject();
    const socket = connect({ host: destIP, port: destPort, noDelay: true });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      explain(error.code === 'ECONNREFUSED' ? 'Connection refused' : error.message, reject),
    );
    return socket.once('connect', () => {
      const channel = accept();
      socket.on('error', () => channel.close());
      channel.on('error', () => socket.destroy());
      channel.on('close', () => socket.destroy());
      socket.on('close', () => channel.end());
      socket.pipe(channel).pipe(socket);
    });
  });
}

const front = new ssh2.Server({ hostKeys: [readFileSync(configuration.hostKeyFile)], ident: 'NightshiftLabFront' }, serveConnection);
const listener = createServer({ noDelay: true }, (socket) => front.injectSocket(socket));
listener.listen(configuration.port, configuration.address, () =>
  say(`SSH front listens on ${configuration.address}:${configuration.port}`),
);
listener.on('error', (error) => {
  say(error.message);
  process.exit(1);
});
