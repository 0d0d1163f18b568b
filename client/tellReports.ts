import Table from 'cli-table3';

import type { BackupProofReport } from '../workflows/vitam/backupProof.contract.ts';
import type { PlanReport } from '../workflows/runbook/runbook.contract.ts';
import type { ColdBackupReport } from '../workflows/vitam/coldBackup.contract.ts';
import { megabytes, type Say } from './followRun.ts';
import { plain } from './plainTable.ts';

/** The report of a cold backup, for a terminal. */
export function tellBackup(report: ColdBackupReport, say: Say): void {
  say('');
  say(`Cold backup of ${report.target}: set ${report.set} is complete`);
  say(`  downtime          ${report.downtimeSeconds} s, from the first stop to the last check`);
  say(`  securisation      ${report.securisation}`);
  say(`  workflows left    ${report.workflowsLeft}`);
  say(
    `  content           ${report.collections} collections, ${report.documents} documents recorded when nothing wrote (${report.changedWhileStopping} changed since the first record)`,
  );
  say(`  archives          ${megabytes(report.totalBytes)} MB of ${megabytes(report.sourceBytes)} MB`);
  say(`  manifest          ${report.manifest.host}:${report.manifest.file}`);
  if (report.removedSets.length > 0) say(`  removed sets      ${report.removedSets.join(', ')}`);
  const table = new Table({ head: ['part', 'host', 'MB', 'of MB', 's', 'sha256'], ...plain });
  for (const { name, archive } of report.parts)
    table.push([
      name,
      archive.host,
      megabytes(archive.sizeBytes),
      megabytes(archive.sourceBytes),
      archive.elapsedSeconds.toFixed(1),
      archive.sha256,
    ]);
  say(table.toString());
  const slowest = report.steps.filter(({ seconds }) => (seconds ?? 0) > 0).sort((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0));
  say(
    `  slowest steps     ${slowest
      .slice(0, 5)
      .map(({ title, seconds }) => `${title} ${seconds} s`)
      .join('; ')}`,
  );
  for (const warning of report.warnings) say(`  warning           ${warning}`);
}

/** The restore proof, for a terminal. */
export function tellProof(report: BackupProofReport, say: Say): void {
  say('');
  say(`Restore proof of set ${report.set}: ${report.proven ? 'PROVEN' : 'NOT PROVEN'} in ${report.seconds} s`);
  const table = new Table({ head: ['part', 'unpacked on', 'files', 'collections', 'documents', 'differences'], ...plain });
  for (const { part, host, files, collections, documents, differences } of report.parts)
    table.push([part, host, files, collections, documents, differences.length]);
  say(table.toString());
  say(
    `  ${report.collections} collections with ${report.documents} documents: every count and every digest equals what was recorded before the stop`,
  );
}

/** The plan of a dry run of any type, for a terminal. */
export function tellPlan(plan: PlanReport, say: Say): void {
  say(`${plan.procedure} on ${plan.target}: ${plan.steps.length} steps. Nothing was touched.`);
  for (const fault of plan.faults) say(`  WOULD REFUSE: ${fault}`);
  for (const warning of plan.warnings) say(`  warning: ${warning}`);
  for (const gate of plan.gates) say(`  gate: ${gate}`);
  if (plan.holds.length > 0) say(`  holds, one run at a time: ${plan.holds.join(', ')}`);
  let phase = '';
  for (const step of plan.steps) {
    if (step.phase !== phase) say(`\n${(phase = step.phase)}`);
    say(`  ${String(step.number).padStart(3)}. ${step.title}${step.limitSeconds === undefined ? '' : ` (at most ${step.limitSeconds} s)`}`);
    for (const command of step.commands) say(`         $ ${command}`);
    if (step.unwind) say(`         unwind: ${step.unwind}`);
    if (step.pointOfNoReturn) say(`         POINT OF NO RETURN: ${step.pointOfNoReturn}`);
  }
  if (plan.wayBack.length === 0) return;
  say(`\nThe way back, whatever happens:`);
  for (const line of plan.wayBack) say(`  - ${line}`);
}
