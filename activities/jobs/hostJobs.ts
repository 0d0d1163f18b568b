import { checkPath, readScripts, runScript } from '../hosts/hostScript.ts';
import { failure } from '../failure.ts';
import type { Host } from '../hosts/host.ts';
import type { HostRef } from '../hosts/hosts.contract.ts';
import { jobDirectory, type HostJob, type JobCommand } from './jobs.contract.ts';
import { readJobStatus, type JobStatus } from './jobStatus.ts';

const scripts = readScripts(import.meta.url);
const runJobScript = scripts('jobLife.sh', 'runJob.sh');
const startScript = scripts('startJob.sh');
const statusScript = scripts('jobLife.sh', 'jobStatus.sh');
const discardScript = scripts('jobLife.sh', 'discardJob.sh');
const forgetScript = scripts('jobLife.sh', 'forgetJob.sh');

const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,180}$/;

export function checkJobName(job: string): void {
  if (!fileName.test(job)) throw failure('InvalidInput', `${JSON.stringify(job)} is no name of a job`, { job });
}

/** Starts the job unless it was begun before. `secrets`: name of a file → its content; they go by standard input. */
export async function startHostJob(
  host: Host,
  job: string,
  { command, runAs = '', workingDirectory = '/', environment = {} }: Omit<JobCommand, 'secretFiles'>,
  secrets: Record<string, string> = {},
): Promise<void> {
  checkJobName(job);
  checkPath(workingDirectory);
  const wrong =
    Object.keys(environment).find((name) => !/^[A-Za-z_]\w*$/.test(name)) ??
    Object.keys(secrets).find((name) => !fileName.test(name) || name === 'end') ??
    (/^([A-Za-z_][\w.-]*)?$/.test(runAs) ? undefined : runAs);
  if (wrong !== undefined || !command[0])
    throw failure('InvalidInput', `job ${job}: ${JSON.stringify(wrong ?? command)} is no name of a variable, a file, a user or a program`, {
      job,
    });
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const lines = Object.entries(secrets).map(([file, text]) => `${file} ${Buffer.from(text).toString('base64')}\n`);
  await runScript(
    host,
    startScript,
    [...placeOf(host.ref, job), runJobScript, ...[runAs, workingDirectory, String(variables.length), ...variables], ...command],
    { input: `${lines.join('')}end\n` },
  );
}

export async function readHostJob(host: Host, job: string, files: readonly string[]): Promise<JobStatus> {
  const { stdout } = await runScript(host, statusScript, [stateOf(host.ref, job), ...files]);
  return readJobStatus(stdout);
}

export async function discardHostJob(host: Host, job: string, files: readonly string[]): Promise<void> {
  await runScript(host, discardScript, [...placeOf(host.ref, job), ...files], { timeoutSeconds: 120 });
}

export async function forgetHostJob(host: Host, job: string): Promise<void> {
  await runScript(host, forgetScript, placeOf(host.ref, job));
}

function placeOf(ref: HostRef, job: string): string[] {
  return [stateOf(ref, job), job, ref.serviceManager.kind === 'systemd' ? 'systemd' : 'process'];
}

function stateOf(host: HostRef, job: HostJob['job']): string {
  return jobDirectory({ host, job });
}
