import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { pino, type Logger as PinoLogger } from 'pino';

import { openDefinitions } from '../workflows/runbook/system.schema.ts';
import { systems } from '../workflows/systems.schema.ts';
import { createOperationsActivities } from './activities.ts';
import { ensureSearchAttributes } from './searchAttributes.ts';
import { readSettings, SettingsError, type WorkerSettings } from './settings.ts';
import { workflowBundleFile } from './workflowBundle.ts';

/** The worker of the operations queue: workflows, and activities that reach hosts over SSH. Ends on SIGINT or SIGTERM after the work under way had its grace. */
async function main(): Promise<void> {
  const settings = readSettings();
  const log = pino({ level: settings.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  installRuntime(settings, log);
  await tellPlatformFaults(settings, log);
  const connection = await NativeConnection.connect(settings.connection);
  await ensureSearchAttributes(connection, settings.namespace);
  const { activities, close } = createOperationsActivities(settings, connection);
  const worker = await Worker.create({
    connection,
    namespace: settings.namespace,
    taskQueue: settings.taskQueue,
    workflowBundle: { codePath: settings.workflowBundle ?? (await workflowBundleFile()) },
    activities,
    maxConcurrentActivityTaskExecutions: settings.activitiesAtOnceMax,
    maxCachedWorkflows: settings.cachedWorkflowsMax,
    // Heartbeats carry the cancel: waited for at most 80 % of the heartbeat limit, and never longer than this.
    maxHeartbeatThrottleInterval: '5 seconds',
    shutdownGraceTime: settings.shutdownGraceSeconds * 1000,
    shutdownForceTime: (settings.shutdownGraceSeconds + 20) * 1000,
  });
  log.info({ taskQueue: settings.taskQueue, namespace: settings.namespace }, 'worker ready');
  try {
    await worker.run();
  } finally {
    await close();
    await connection.close();
  }
}

function installRuntime(settings: WorkerSettings, log: PinoLogger): void {
  const write = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string, meta?: object) =>
    log[level](meta ?? {}, message);
  Runtime.install({
    logger: {
      log: (level, message, meta) => log[level.toLowerCase() as 'info'](meta ?? {}, message),
      trace: write('trace'),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    },
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(settings.metricsAddress ? { metrics: { prometheus: { bindAddress: settings.metricsAddress } } } : {}),
    },
  });
}

/**
 * Tells every fault of every platform file at once. A bad file does not keep the worker down: runs under way carry their platform with them,
 * and a worker that refused to start could leave another platform stopped.
 */
async function tellPlatformFaults({ platformDirectories, replicaDirectories }: WorkerSettings, log: PinoLogger): Promise<void> {
  const definitions = openDefinitions(systems, [...platformDirectories, ...replicaDirectories], async () => '');
  for (const { name, file, faults } of await definitions.check()) {
    if (faults.length === 0) log.info({ platform: name, file }, 'platform described');
    else
      log.error(
        { platform: name, file, faults },
        `platform ${name} has ${faults.length} faults: runs on it are refused until they are corrected`,
      );
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof SettingsError ? error.message : error);
  // Open connections would keep a worker that does nothing alive: whoever watches the process must see its end.
  process.exit(1);
});
