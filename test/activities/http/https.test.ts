import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import type { HttpRequest } from '../../../activities/http/http.contract.ts';
import { createHttpActivities } from '../../../activities/http/httpActivities.ts';
import { runActivity } from '../../support/runActivity.ts';
import { sshServerMissing, startSshServer, type SshServer } from '../hosts/sshServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { startTestServer, type TestServer } from './testServer.ts';

const missing = sshServerMissing() ?? opensslMissing();

for (const way of ['local', 'ssh'] as const) {
  describe(`https over ${way}`, { skip: missing }, () => {
    let sshd: SshServer;
    let server: TestServer;
    let host: HostRef;
    let directory: string;
    const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
    const hosts = createHosts({ resolveSecret: (name) => sshd.resolveSecret(name) });
    const http = createHttpActivities({ openHost: hosts.openHost, resolveSecret: async (name) => read(name) });
    const trusted = { certificate: 'client.pem', key: 'client.key', authority: 'authority.pem' };
    const request = (tls: HttpRequest['tls'], port = server.port, timeoutSeconds = 120): HttpRequest => ({
      method: 'GET',
      scheme: 'https',
      port,
      path: '/',
      timeoutSeconds,
      tls,
    });
    const ask = (tls: HttpRequest['tls'], port?: number, timeoutSeconds?: number) =>
      runActivity(() => http.requestHttp({ host, request: request(tls, port, timeoutSeconds), accept: [200] }));

    before(async () => {
      directory = makeCertificates();
      sshd = await startSshServer();
      host = way === 'ssh' ? sshd.ref() : { ...sshd.ref(), name: 'here', reach: { kind: 'local' } };
      const tls = {
        cert: read('server.pem'),
        key: read('server.key'),
        ca: read('authority.pem'),
        requestCert: true,
        rejectUnauthorized: true,
      };
      server = await startTestServer(
        (incoming, answer) => {
          const socket = incoming.socket as TLSSocket;
          answer.end(JSON.stringify({ client: socket.getPeerCertificate().subject.CN, host: incoming.headers.host }));
        },
        { tls },
      );
    });
    after(async () => {
      await hosts.close();
      await server?.stop();
      await sshd?.stop();
      if (directory) rmSync(directory, { recursive: true, force: true });
    });

    test('shows its certificate and verifies the address, or the name that is given', async () => {
      assert.deepEqual((await ask(trusted)).json, { client: 'nightshift', host: `127.0.0.1:${server.port}` });
      assert.deepEqual((await ask({ ...trusted, serverName: 'vitam.test' })).json, {
        client: 'nightshift',
        host: `vitam.test:${server.port}`,
      });
    });

    test('asks several requests over one connection', async () => {
      const before = server.connections.accepted;
      const requests = [request(trusted), request(trusted), request(trusted)];
      assert.equal((await runActivity(() => http.requestHttpAll({ host, requests, accept: [200] }))).length, 3);
      assert.equal(server.connections.accepted - before, 1);
      await waitUntil('it is closed', () => server.connections.open === 0);
    });

    test('does not talk to another name, or to one that no known authority vouches for', async () => {
      await assert.rejects(ask({ ...trusted, serverName: 'other.test' }), { type: 'HttpUnreachable', message: /ALTNAME/ });
      const { certificate, key } = trusted;
      await assert.rejects(ask({ certificate, key }), { type: 'HttpUnreachable', message: /CERT|certificate/ });
      await assert.rejects(ask({ ...trusted, authority: 'other.pem' }), { type: 'HttpUnreachable', message: /CERT|certificate/ });
    });

    test('says that the server did not take it without a certificate', async () => {
      await assert.rejects(ask({ authority: 'authority.pem' }), { type: 'HttpUnreachable' });
    });

    test('names the secrets that are no certificate or key, and shows nothing of them', async () => {
      await assert.rejects(ask({ ...trusted, key: 'wrong.key' }), (error: Error & { type?: string }) => {
        assert.equal(error.type, 'CredentialsRejected');
        assert.match(error.message, /"wrong.key"/);
        assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /not-to-be-seen/);
        return true;
      });
    });

    test('gives up on a server that never shakes hands', async () => {
      const sockets = new Set<Socket>();
      const mute = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {}).resume();
        socket.once('close', () => sockets.delete(socket));
      }).listen(0, '127.0.0.1');
      try {
        await waitUntil('it listens', () => mute.listening);
        await assert.rejects(ask(trusted, (mute.address() as AddressInfo).port, 1), { type: 'HttpUnreachable', message: /within 1 s/ });
        await waitUntil('its connection is closed', () => sockets.size === 0);
      } finally {
        for (const socket of sockets) socket.destroy();
        mute.close();
      }
    });
  });
}

function opensslMissing(): string | undefined {
  try {
    execFileSync('openssl', ['version']);
    return undefined;
  } catch {
    if (process.env.REQUIRE_REAL === '1') throw new Error('openssl is required (REQUIRE_REAL=1) and not installed');
    return 'NOT TESTED: openssl is not installed';
  }
}

/** An authority, a certificate of the server and one of the client; "other" is an authority that signed neither. */
function makeCertificates(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-tls-'));
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const newKey = (name: string): string[] => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  for (const name of ['authority', 'other'])
    openssl('req', '-x509', ...newKey(name), '-subj', `/CN=${name}`, '-days', '2', '-out', `${name}.pem`);
  writeFileSync(join(directory, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:vitam.test\n');
  for (const [name, subject] of [
    ['server', 'vitam.test'],
    ['client', 'nightshift'],
  ] as const) {
    openssl('req', ...newKey(name), '-subj', `/CN=${subject}`, '-out', `${name}.csr`);
    const by = ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`);
  }
  writeFileSync(join(directory, 'wrong.key'), '-----BEGIN PRIVATE KEY-----\nnot-to-be-seen\n-----END PRIVATE KEY-----\n');
  return directory;
}
