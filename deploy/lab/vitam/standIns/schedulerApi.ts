import { fault, results } from './envelope.ts';
import type { StandInApi, StandInConfiguration } from './standIn.contract.ts';
import { stateFile } from './stateFile.ts';

interface Job {
  group: 'Logbook' | 'Storage';
  name: string;
  description: string;
}

const jobs: readonly Job[] = [
  { group: 'Logbook', name: 'OperationTraceabilityJob', description: 'securisation of the operations, each hour at minute 5' },
  { group: 'Logbook', name: 'TraceabilityLFCObjectGroupJob', description: 'securisation of the object groups, each hour at minute 15' },
  { group: 'Logbook', name: 'TraceabilityLFCUnitJob', description: 'securisation of the units, each hour at minute 35' },
  { group: 'Logbook', name: 'TraceabilityAuditJob', description: 'audit of the securisations, at 00:55' },
  { group: 'Storage', name: 'StorageBackupAccessLogJob', description: 'backup of the access log, each hour at minute 10' },
  { group: 'Storage', name: 'StorageBackupWriteLogJob', description: 'backup of the write log, each hour at minute 15' },
  { group: 'Storage', name: 'StorageLogTraceabilityJob', description: 'securisation of the storage log, every 4 hours at minute 40' },
];

/** Names of the jobs that secure the logbooks. */
export const securisationJobs = jobs.filter(({ group }) => group === 'Logbook').map(({ name }) => name);

/**
 * Stand-in for VITAM's scheduler (vitam 23). Whether its jobs are paused lies on the machine's disk, as Quartz keeps it in
 * MongoDB: a resume that was forgotten shows after a restart. `POST /lab/jobs {name, seconds}` (lab only) makes a job run.
 */
export function schedulerApi({ stateDirectory }: StandInConfiguration): StandInApi {
  const file = stateFile<{ paused: string[] }>(`${stateDirectory}/scheduler.json`, { paused: [] });
  const runUntil = new Map<string, number>();

  const isPaused = (job: Job): boolean => file.read().paused.some((group) => group === 'ALL' || group === job.group);

  return ({ method, path, body }, knobs) => {
    if (path === '/lab/jobs' && method === 'POST') {
      const { name, seconds } = body as { name: string; seconds: number };
      runUntil.set(name, Date.now() + seconds * 1000);
      return results([], 201);
    }
    const [, api, version, verb = '', argument = ''] = path.split('/');
    if (api !== 'scheduler' || version !== 'v1') return null;
    const runs = ({ name }: Job): boolean => (runUntil.get(name) ?? 0) > Date.now() || (knobs.runningJobs ?? []).includes(name);
    if (method === 'GET' && verb === 'current-jobs') return results(jobs.filter(runs).map(describe));
    if (method === 'GET' && verb === 'jobs') return results(jobs.map(describe));
    if (method === 'GET' && verb === 'job-state') {
      const job = jobs.find(({ name, group }) => argument === name || argument === `${group}.${name}`);
      return job ? results([isPaused(job) ? 'PAUSED' : runs(job) ? 'BLOCKED' : 'NORMAL']) : results([]);
    }
    if (method === 'PUT' && verb === 'pause') {
      file.write({ paused: [...new Set([...file.read().paused, argument])] });
      return { status: 202 };
    }
    if (method === 'PUT' && verb === 'resume') {
      file.write({ paused: argument === 'ALL' ? [] : file.read().paused.filter((group) => group !== argument) });
      return { status: 202 };
    }
    return fault(404, `the scheduler stand-in does not know ${method} ${path}`);
  };
}

function describe({ group, name, description }: Job): Record<string, unknown> {
  return {
    Key: `${group}.${name}`,
    Description: description,
    JobClass: `lab stand-in for ${name}`,
    JobDataMap: {},
    Durability: true,
    ShouldRecover: false,
  };
}
