import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { Client } from 'pg';

import { withoutDurability, type PostgresServer } from '../../deploy/lab/postgres/postgres.contract.ts';
import { startPostgres } from '../../deploy/lab/postgres/startPostgres.ts';
import { missingPackages } from '../../deploy/setup/debianPackages.ts';
import { findDebianPostgres } from '../../deploy/setup/debianPostgres.ts';
import { askPostgres } from '../support/askPostgres.ts';
import { waitUntil } from '../support/waitUntil.ts';

// Of mode 0700, so that as root the server's user may not enter it by itself.
const directory = mkdtempSync(join(tmpdir(), 'postgres-'));
const home = join(directory, 'server');
const database = { name: 'Pix prod', owner: 'pix-app', password: "pa's/w@rd" };
const settings = withoutDurability;
let server: PostgresServer;
let url = '';

before(async () => {
  server = await startPostgres({ directory: home, settings });
  url = await server.createDatabase(database);
});
after(async () => {
  await server.remove();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

describe('PostgreSQL 15 of Debian', () => {
  it('is found by its folder, or told as missing', async () => {
    assert.equal(findDebianPostgres() === null, (await missingPackages('postgres15')).includes('postgresql-15'));
  });
});

describe('a PostgreSQL server of the lab', () => {
  it('runs as somebody who is not root, and keeps the password of its superuser to itself', () => {
    assert.notEqual(statSync(join(home, 'data')).uid, 0);
    assert.equal(statSync(server.passwordFile).mode & 0o777, 0o600);
  });

  it('has databases that belong to a role without special rights, reached by an address that carries any password', async () => {
    const [row] = await askPostgres<object>(
      url,
      `SELECT current_database() AS name, rolname AS owner, rolsuper, rolcreaterole, current_setting('server_version_num')::int / 10000 AS version
       FROM pg_roles WHERE rolname = current_user`,
    );
    assert.deepEqual(row, { name: 'Pix prod', owner: 'pix-app', rolsuper: false, rolcreaterole: false, version: 18 });
    assert.equal(await server.createDatabase(database), url);
  });

  it('lets nobody in without the password, by address or by socket', async () => {
    const wrong = server.url({ database: database.name, user: database.owner, password: 'wrong' });
    await assert.rejects(askPostgres(wrong, 'SELECT 1'), { code: '28P01' });
    const local = new Client({ host: server.socketDirectory, port: server.port, user: 'postgres', database: 'postgres', password: '' });
    await assert.rejects(local.connect(), /password/);
  });

  it('keeps what was committed when it is killed, and its sessions end', async () => {
    const session = new Client({ connectionString: url });
    const ended = new Promise((resolve) => session.on('error', resolve));
    await session.connect();
    await session.query('CREATE TABLE kept AS SELECT 1 AS one');
    await server.kill();
    await ended;
    assert.equal(server.processId(), null);
    await server.restart();
    assert.deepEqual(await askPostgres(url, 'SELECT one FROM kept'), [{ one: 1 }]);
  });

  it('stops as often as it is asked, and the next start takes the cluster as it is', async () => {
    await server.stop();
    await server.stop();
    assert.ok(!existsSync(server.socketDirectory));
    server = await startPostgres({ directory: home, port: server.port, settings });
    assert.deepEqual(await askPostgres(url, 'SELECT one FROM kept'), [{ one: 1 }]);
    await server.stop();
    await server.restart();
    assert.deepEqual(await askPostgres(url, 'SELECT one FROM kept'), [{ one: 1 }]);
  });

  it('takes the settings that it is given', async () => {
    assert.deepEqual(await askPostgres(url, 'SHOW fsync'), [{ fsync: 'off' }]);
  });

  it('says so when the wanted port is taken, and leaves the cluster to the next start', async () => {
    const { port } = server;
    await server.stop();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const taken = (other.address() as AddressInfo).port;
    await assert.rejects(startPostgres({ directory: home, port: taken, settings }), /the port \d+ is taken/);
    other.close();
    server = await startPostgres({ directory: home, port, settings });
  });

  it('waits at a restart for whoever has its port for a moment', async () => {
    await server.stop();
    const before_ = readFileSync(server.logFile).length;
    const other = createServer().listen(server.port, '127.0.0.1');
    await once(other, 'listening');
    const restarted = server.restart();
    const met = waitUntil('it has met the other', () => readFileSync(server.logFile).subarray(before_).includes('could not bind'));
    try {
      await Promise.race([met, restarted]);
    } finally {
      other.close();
    }
    await restarted;
    assert.deepEqual(await askPostgres(url, 'SELECT one FROM kept'), [{ one: 1 }]);
  });

  it('refuses a cluster of another version', async (test) => {
    await assert.rejects(startPostgres({ directory: home, version: '15' }), (error: Error) => {
      if (/Debian packages/.test(error.message)) test.diagnostic('PostgreSQL 15 is not installed');
      return /is a cluster of PostgreSQL 18, not 15|Debian packages postgresql-15/.test(error.message);
    });
  });

  it('ends with the process that started it, even when that is killed', { skip: process.platform !== 'linux' }, async () => {
    const module = new URL('../../deploy/lab/postgres/startPostgres.ts', import.meta.url).href;
    const text = `const { startPostgres } = await import(${JSON.stringify(module)});
      const server = await startPostgres({ directory: ${JSON.stringify(home)}, port: ${server.port} });
      console.log(server.processId()); console.log(server.socketDirectory); setInterval(() => undefined, 1000);`;
    await server.stop();
    const holder = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let sockets = '';
    try {
      let said = '';
      holder.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await waitUntil('the other process has a server', () => said.split('\n').length > 2);
      sockets = said.split('\n')[1] ?? '';
      assert.ok(existsSync(join(home, 'data', 'postmaster.pid')));
      holder.kill('SIGKILL');
      await waitUntil('its server has ended', () => !existsSync(join(home, 'data', 'postmaster.pid')));
    } finally {
      holder.kill('SIGKILL');
      server = await startPostgres({ directory: home, port: server.port, settings });
      assert.ok(sockets === '' || !existsSync(sockets));
    }
  });
});
