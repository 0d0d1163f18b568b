import { operationsQueue } from '../../../workflows/names.contract.ts';
import type { ColdBackupReport } from '../../../workflows/vitam/coldBackup.contract.ts';
import { phases, planColdBackup } from '../../../workflows/vitam/plan.ts';
import type { StatusReport } from '../../../workflows/vitam/status.contract.ts';
import { phasesOf } from '../phases.ts';
import { platformName, type CopyLab } from './copyLab.ts';
import type { CopyRun } from './copyRun.contract.ts';

/** One run of `vitamColdBackup`, by its own report. */
export async function runOurs({ client, platform }: CopyLab, round: string): Promise<CopyRun> {
  const report = await client.workflow.execute<(input: object) => Promise<ColdBackupReport>>('vitamColdBackup', {
    taskQueue: operationsQueue,
    workflowId: `bench/coldBackup/${round}`,
    args: [{ platform: platformName }],
  });
  const plan = planColdBackup(platform);
  const planned = [
    ...plan.copy.map(({ id, part }) => ({ id, part })),
    ...plan.further.map(({ id, directory }) => ({ id, part: `further/${directory.name}` })),
  ];
  const parts = planned.map(({ id, part }) => {
    const step = report.steps.find((each) => each.id === id);
    const archive = report.parts.find(({ name }) => name === part)?.archive;
    if (!step || !archive) throw new Error(`the report lacks ${id}`);
    const [beginMs, endMs] = [Date.parse(step.beganAt ?? ''), Date.parse(step.endedAt ?? '')];
    return {
      name: part,
      beginMs,
      endMs,
      seconds: (endMs - beginMs) / 1000,
      sourceBytes: archive.sourceBytes,
      writtenBytes: archive.sizeBytes,
    };
  });
  const phaseOf = (some: typeof parts): number =>
    (Math.max(...some.map(({ endMs }) => endMs)) - Math.min(...some.map(({ beginMs }) => beginMs))) / 1000;
  return {
    window: report.downtimeSeconds,
    copying: phaseOf(parts),
    copyingSets: phaseOf(parts.slice(0, plan.copy.length)),
    sets: plan.copy.length,
    phases: phasesOf(report.steps, outsideWindow),
    parts: parts.map(({ name, seconds, sourceBytes, writtenBytes }) => ({ name, seconds, sourceBytes, writtenBytes })),
  };
}

const outsideWindow: string[] = [phases.preflight, phases.record, phases.complete];

/** Waits for nothing: throws when the platform is not wholly up, so that no run begins on a half of it. */
export async function checkPlatformUp({ client }: CopyLab, round: string): Promise<void> {
  const status = await client.workflow.execute<(input: object) => Promise<StatusReport>>('vitamStatus', {
    taskQueue: operationsQueue,
    workflowId: `bench/status/${round}`,
    args: [{ platform: platformName }],
  });
  if (status.verdict !== 'up') throw new Error(`the platform is not up before ${round}: ${JSON.stringify(status.down)}`);
}
