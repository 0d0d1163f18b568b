import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { openDataPath, startOpenDataStandIn } from './standIns/openDataStandIn.ts';
import { startLcmsStandIn } from './standIns/lcmsStandIn.ts';
import { startWebhookReceiverStandIn } from './standIns/webhookReceiverStandIn.ts';
import type { PostgresServer, PostgresVersion } from '../postgres/postgres.contract.ts';
import { fillPixSource } from './source/pixSource.ts';
import { startPostgres } from '../postgres/startPostgres.ts';
import { Started } from '../started.ts';

/** A production database and an empty warehouse on two real PostgreSQL servers; LCMS, receivers and open-data site are stand-ins. */
export interface PixLab {
  source: PostgresServer;
  target: PostgresServer;
  sourceUrl: string;
  targetUrl: string;
  replicaDirectory: string;
  secretsDirectory: string;
  lcms: Awaited<ReturnType<typeof startLcmsStandIn>>;
  receivers: Awaited<ReturnType<typeof startWebhookReceiverStandIn>>;
  openData: Awaited<ReturnType<typeof startOpenDataStandIn>>;
  setSecret: (name: string, value: string) => Promise<void>;
  /** Writes the replica file of that name: source and target, and the given fields. */
  describeReplica: (name: string, fields?: Record<string, unknown>) => Promise<string>;
  end: () => Promise<void>;
}

export interface PixLabSetting {
  /** Of this lab alone: what is in it is removed. */
  directory: string;
  /** Rows of the source in all. */
  rows: number;
  settings?: Record<string, string | number | boolean>;
  /** Of both servers; default 18. */
  version?: PostgresVersion;
  say?: (line: string) => void;
}

export const pixLabSecrets = {
  source: 'canary-source-7f3a',
  target: 'canary-target-91be',
  lcms: 'canary-lcms-52d0',
  hook: 'canary-hook-8c11',
  token: 'canary-token-0ef4',
} as const;

export async function startPixLab({
  directory,
  rows,
  settings = {},
  version = '18',
  say = () => undefined,
}: PixLabSetting): Promise<PixLab> {
  await rm(directory, { recursive: true, force: true });
  const [secretsDirectory, replicaDirectory] = [join(directory, 'secrets'), join(directory, 'replicas')];
  await mkdir(secretsDirectory, { recursive: true, mode: 0o700 });
  await mkdir(replicaDirectory);
  // The servers may run as another user.
  await chmod(directory, 0o755);
  const started = new Started(() => undefined);
  started.add('folder', () => rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  const end = (): Promise<void> => started.end();
  try {
    const open = async (name: string): Promise<PostgresServer> => {
      const server = await startPostgres({ directory: join(directory, name), version, settings });
      started.add(name, () => server.remove());
      return server;
    };
    const [source, target] = await Promise.all([open('source'), open('target')]);
    say(`PostgreSQL: source on port ${source.port}, warehouse on port ${target.port}`);
    const sourceUrl = await source.createDatabase({ name: 'pix', owner: 'pix_owner', password: pixLabSecrets.source });
    const targetUrl = await target.createDatabase({ name: 'warehouse', owner: 'warehouse_owner', password: pixLabSecrets.target });
    await fillPixSource({ url: sourceUrl, rows, say });
    const lcms = await startLcmsStandIn({ key: pixLabSecrets.lcms });
    started.add('LCMS stand-in', lcms.stop);
    const receivers = await startWebhookReceiverStandIn();
    started.add('webhook receiver stand-in', receivers.stop);
    const openData = await startOpenDataStandIn();
    started.add('open-data stand-in', openData.stop);
    const lab: PixLab = {
      ...{ source, target, sourceUrl, targetUrl, replicaDirectory, secretsDirectory, lcms, receivers, openData, end },
      setSecret: (name, value) => writeFile(join(secretsDirectory, name), value, { mode: 0o600 }),
      async describeReplica(name, fields = {}) {
        const document = { system: 'pix', title: 'lab', source: { url: 'pix-source' }, target: { url: 'pix-target' }, ...fields };
        await writeFile(join(replicaDirectory, `${name}.yaml`), stringify(document));
        return name;
      },
    };
    await lab.setSecret('pix-source', sourceUrl);
    await lab.setSecret('pix-target', targetUrl);
    await lab.setSecret('lcms-key', pixLabSecrets.lcms);
    await lab.setSecret('hook-one', `${receivers.url}/one?key=${pixLabSecrets.hook}`);
    await lab.setSecret('hook-two', `${receivers.url}/two`);
    await lab.setSecret('hook-token', pixLabSecrets.token);
    return lab;
  } catch (error) {
    await end();
    throw error;
  }
}

/** What a replica of the lab needs for the whole chain and the other jobs. */
export function wholeReplica({ lcms, openData }: PixLab): Record<string, unknown> {
  return {
    learningContent: { url: lcms.url, apiKey: 'lcms-key' },
    notifications: [
      { name: 'one', url: 'hook-one' },
      { name: 'two', url: 'hook-two', token: 'hook-token' },
    ],
    openData: { url: `${openData.url}${openDataPath}` },
    verify: { queries: [{ name: 'first users', sql: 'select id, email from users order by id limit 5', minimumRows: 5 }] },
  };
}
