import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

import { freePort } from '../../../deploy/lab/freePort.ts';
import type { ObjectStore } from '../../../activities/objectStore/objectStore.contract.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { waitUntil } from '../../support/waitUntil.ts';

export interface Gateway {
  directory: string;
  store: ObjectStore;
  /** A client of the test's own, to see what the activities left. */
  client: S3Client;
  /** A further one, for a test that changes its own. */
  openClient(): S3Client;
  resolveSecret(name: string): Promise<string>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const bucket = 'backups';
const secrets: Record<string, string> = { access: 'nightshift', secret: 'not-to-be-seen-1', wrong: 'not-to-be-seen-2' };

/** The gateway's program, or why it is missing. With REQUIRE_REAL=1 a missing one is an error. */
export async function gatewayProgram(): Promise<{ program: string; missing?: undefined } | { program?: undefined; missing: string }> {
  try {
    return { program: await tool('objectStore') };
  } catch (error) {
    if (process.env.REQUIRE_REAL === '1') throw error;
    return { missing: `NOT TESTED: the S3 gateway cannot be had: ${String(error).slice(0, 200)}` };
  }
}

/** A real S3 gateway over a folder, on a loopback port, with one empty bucket. */
export async function startGateway(program: string): Promise<Gateway> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-store-'));
  const objects = join(directory, 'objects');
  mkdirSync(objects);
  const port = await freePort();
  const { access = '', secret = '' } = secrets;
  const endpoint = `http://127.0.0.1:${port}`;
  const openClient = () =>
    new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: access, secretAccessKey: secret },
    });
  const client = openClient();
  let gateway: ChildProcess | undefined;
  const api: Gateway = {
    directory,
    client,
    openClient,
    store: {
      endpoint,
      region: 'us-east-1',
      bucket,
      prefix: 'vitam/night',
      accessKeyId: 'access',
      secretAccessKey: 'secret',
      pathStyle: true,
    },
    resolveSecret: async (name) => secrets[name] ?? '',
    async start() {
      const args = ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', objects];
      const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, ROOT_ACCESS_KEY: access, ROOT_SECRET_KEY: secret } });
      gateway = child;
      await waitUntil('the gateway answers', () => {
        if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`);
        return answers(port);
      });
    },
    async kill() {
      if (!gateway || gateway.exitCode !== null || gateway.signalCode !== null) return;
      const ended = once(gateway, 'exit');
      gateway.kill('SIGKILL');
      await ended;
    },
    async stop() {
      await api.kill();
      client.destroy();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await api.start();
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    return api;
  } catch (error) {
    await api.stop();
    throw error;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => resolve(true));
    socket.once('connect', () => socket.destroy());
  });
}
