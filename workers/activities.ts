import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';

import { createClockActivities } from '../activities/clock/clockActivities.ts';
import { createFileActivities } from '../activities/files/fileActivities.ts';
import { createHostActivities } from '../activities/hosts/hostActivities.ts';
import { createHosts } from '../activities/hosts/openHost.ts';
import { createHttpActivities } from '../activities/http/httpActivities.ts';
import { createJobActivities } from '../activities/jobs/jobActivities.ts';
import { createLoadGuardActivities } from '../activities/loadGuard/loadGuardActivities.ts';
import { createMongoActivities } from '../activities/mongo/mongoActivities.ts';
import { createObjectStoreActivities } from '../activities/objectStore/objectStoreActivities.ts';
import { createBesideActivities } from '../activities/warehouse/beside/besideActivities.ts';
import { createCheckActivities } from '../activities/warehouse/checks/checkActivities.ts';
import { createInPlaceActivities } from '../activities/warehouse/inPlace/inPlaceActivities.ts';
import { createClientTools } from '../activities/postgres/clientTools.ts';
import { createDumpActivities } from '../activities/postgres/dumps/dumpActivities.ts';
import { createIncrementalActivities } from '../activities/warehouse/incremental/incrementalActivities.ts';
import { createLearningContentActivities } from '../activities/lcms/learningContentActivities.ts';
import { createConnections } from '../activities/postgres/connections.ts';
import { createOpenDataActivities } from '../activities/openData/openDataActivities.ts';
import { createSchemaCopyActivities } from '../activities/warehouse/schemaCopy/schemaCopyActivities.ts';
import { workSchemas } from '../activities/warehouse/warehouse.contract.ts';
import { createRequestActivities } from '../activities/requests/requestActivities.ts';
import { createRunActivities } from '../activities/runs/runActivities.ts';
import { createServiceActivities } from '../activities/services/serviceActivities.ts';
import { createWebhookActivities } from '../activities/webhooks/webhookActivities.ts';
import { createSecretResolver } from '../activities/tools/resolveSecret.ts';
import { openDefinitions } from '../workflows/runbook/system.schema.ts';
import { systems } from '../workflows/systems.schema.ts';
import type { Activities } from '../activities/activities.contract.ts';
import type { WorkerSettings } from './settings.ts';

/** Everything that a worker on the operations queue offers, wired to one set of kept connections. `close` ends those. */
export function createOperationsActivities(
  settings: WorkerSettings,
  connection: NativeConnection,
): { activities: Activities; close: () => Promise<void> } {
  const resolveSecret = createSecretResolver({ directories: settings.secretDirectories });
  const hosts = createHosts({ resolveSecret });
  const { openHost } = hosts;
  const now = (): Date => new Date();
  const client = new Client({ connection, namespace: settings.namespace });
  const connections = createConnections(resolveSecret);
  const tools = createClientTools(settings.postgresTools);
  const activities: Activities = together(
    createClockActivities(),
    createFileActivities({ openHost, resolveSecret }),
    createHostActivities({ openHost, now }),
    createHttpActivities({ openHost, resolveSecret }),
    createJobActivities({ openHost, resolveSecret }),
    createMongoActivities({ openHost, resolveSecret, now }),
    createObjectStoreActivities({ openHost, resolveSecret }),
    createRequestActivities(openDefinitions(systems, settings.definitionDirectories, resolveSecret)),
    createRunActivities({ client }),
    createServiceActivities({ openHost, resolveSecret }),
    createBesideActivities({ connections, tools }),
    createInPlaceActivities({ connections, tools, workDirectory: settings.workDirectory }),
    createCheckActivities({ connections }),
    createDumpActivities({ connections, tools, resolveSecret, leftOut: workSchemas }),
    createOpenDataActivities({ connections }),
    createIncrementalActivities({ connections, tools }),
    createLearningContentActivities({ connections, resolveSecret }),
    createSchemaCopyActivities({ connections, tools }),
    createLoadGuardActivities({ connections, resolveSecret }),
    createWebhookActivities({ resolveSecret }),
  );
  return { activities, close: () => hosts.close() };
}

/** All activities of the parts; of parts that offer one name twice, that name: no type that a worker takes. */
type Together<Parts extends readonly object[], Offered = unknown> = Parts extends readonly [infer Part, ...infer Rest extends object[]]
  ? [keyof Part & keyof Offered] extends [never]
    ? Together<Rest, Offered & Part>
    : { offeredTwice: keyof Part & keyof Offered }
  : Offered;

/** One flat space of names. A capability that is missing, and a name that two of them offer, is told by the compiler. */
function together<Parts extends object[]>(...parts: Parts): Together<Parts> {
  return Object.assign({}, ...parts) as Together<Parts>;
}
