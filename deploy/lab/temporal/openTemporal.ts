import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

import { operationsQueue } from '../../../workflows/names.contract.ts';
import { startDevServer } from './devServer.ts';
import type { Say } from '../../setup/installer.contract.ts';
import type { Started } from '../started.ts';

/** The Temporal server of a demonstration. */
export interface Temporal {
  client: Client;
  address: string;
  namespace: string;
  taskQueue: string;
  /** The temporal CLI with what it needs to reach this server. */
  cli: string;
  /** Null: not known. */
  webUi: string | null;
}

export interface TemporalOptions {
  /** Of the demonstration: names the database of its dev server, and its task queue on a server that others use too. */
  name: string;
  /** Folder of that database and the server's log. */
  home: string;
  started: Started;
  say: Say;
}

/** Whether the environment names a server: then there is no need of a dev server. */
export function isServerNamed(): boolean {
  return Boolean(process.env.TEMPORAL_ADDRESS);
}

/** The server that TEMPORAL_ADDRESS names, reached by Temporal's own rules; else a dev server that ends with the demonstration. Says which. */
export async function openTemporal({ name, home, started, say }: TemporalOptions): Promise<Temporal> {
  const dev = isServerNamed()
    ? null
    : await startDevServer({ database: join(home, `temporal-${name}.db`), log: join(home, 'temporal.log'), say });
  if (dev) started.add('temporal dev server', dev.stop);
  const { connectionOptions, namespace = 'default' } = dev ? { connectionOptions: { address: dev.address } } : loadClientConnectConfig();
  const { address = '' } = connectionOptions;
  // Where others work too, a queue of its own: no other worker takes work of the lab, and ours takes nobody else's.
  const taskQueue = dev ? operationsQueue : `${operationsQueue}-${name}`;
  if (!dev) say(`temporal: the server of TEMPORAL_ADDRESS, ${address}, namespace ${namespace}, task queue ${taskQueue}`);
  const connection = await Connection.connect(connectionOptions);
  started.add('client', () => connection.close());
  return {
    client: new Client({ connection, namespace }),
    ...{ address, namespace, taskQueue },
    cli: dev ? `temporal --address ${address}` : 'temporal',
    webUi: dev?.webUi ?? null,
  };
}

/** For the end of a line: where the Web UI shows this workflow; nothing when it is not known. */
export function linkTo({ webUi, namespace }: Temporal, workflowId: string): string {
  return webUi ? `: ${webUi}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}` : '';
}
