import type { Finding, ReplicaSides, RowCounts } from '../../activities/postgres/checks/checks.contract.ts';
import { failure } from '../../activities/failure.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { patient, patientFor } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { workPool } from '../runbook/workPool.ts';
import { runPixProcedure } from './runPixProcedure.ts';
import type { VerifyInput, VerifyReport, VerifyRequest } from './verify.contract.ts';

/** Small tables are counted together. */
const groupBytesMax = 64_000_000;
const groupTablesMax = 50;
const limitSeconds = 4 * 3600;
const toldMax = 30;
const factsMax = 200;

const phases = { inspect: '1. Tables, indexes, sequences', count: '2. Row counts', content: '3. Freshness and queries' } as const;
const step = (id: string, phase: keyof typeof phases, title: string): PlannedStep => ({
  ...{ id, phase: phases[phase], title, commands: [], skippable: false },
});
const inspect = step('inspect', 'inspect', 'look for missing tables, indexes that are not valid, sequences that are behind');
const freshness = step('freshness', 'content', 'read the age of the newest rows');
const queries = step('queries', 'content', 'run the verification queries');

/**
 * Compares the warehouse with production after the night: tables, exact row counts, freshness, queries, indexes, sequences. Reads only.
 *
 * Runbook   pix 36 in deploy/systems/pix.md. Fewer rows than production has now are reported and are no fault, since nobody knows the counts of the night's
 *           snapshot any more; more rows are one unless production's statistics know of as many deletions; an empty table is one.
 * Downtime  none; counting costs production time of its disks.
 * Needs     a user on both sides that may read; verify in the replica file says queries and ages.
 * On error  fails with ReplicaNotVerified, with every finding; nothing is changed.
 * To stop   cancel.
 */
export async function pixVerify(input: VerifyInput): Promise<VerifyReport> {
  return runPixProcedure<VerifyRequest, VerifyReport>(
    'pixVerify',
    input,
    [inspect, freshness, queries],
    async ({ replica }, runbook, beganMs) => {
      const { name, source, target, schema, tables: modes, verify, retries, full } = replica;
      const sides: ReplicaSides = { replica: name, source, target, schema, tables: modes };
      const findings: Finding[] = [];
      const seen = await runbook.step(inspect, async (record) => {
        const found = await patientFor(`look at both sides of ${name}`, retries).inspectReplica({ sides });
        record.note = `${found.tables.length} tables, ${found.indexes} indexes, ${found.sequences} sequences; ${found.findings.length} findings`;
        return found;
      });
      findings.push(...seen.findings);

      const groups = groupTables(seen.tables);
      runbook.addSteps(groups.map((group) => group.step));
      const counted: RowCounts['tables'] = [];
      await workPool(
        groups,
        full.atOnceMax,
        ({ bytes }) => bytes,
        async (group) => {
          const counts = await runbook.step(group.step, async (record) => {
            const done = await patientFor(group.step.title, retries).countRows({ sides, tables: group.tables });
            record.note = `${done.tables.reduce((sum, { targetRows }) => sum + targetRows, 0)} rows; ${done.findings.length} findings`;
            return done;
          });
          counted.push(...counts.tables);
          findings.push(...counts.findings);
          return [];
        },
      );

      const fresh = await runbook.step(freshness, () =>
        patient('read the age of the newest rows', limitSeconds).checkFreshness({ sides, freshness: verify.freshness }),
      );
      const asked = await runbook.step(queries, () =>
        patient('run the verification queries', limitSeconds).runQueries({ sides, queries: verify.queries }),
      );
      findings.push(...fresh.findings, ...asked.findings);

      const report: Omit<VerifyReport, 'steps'> = {
        replica: name,
        seconds: secondsSince(beganMs),
        tables: counted.sort((a, b) => (a.table < b.table ? -1 : 1)),
        ...{ othersOnTarget: seen.othersOnTarget, indexes: seen.indexes, sequences: seen.sequences },
        ...{ freshness: fresh.freshness, queries: asked.answers },
        findings: findings.sort((a, b) => Number(a.level === 'note') - Number(b.level === 'note')).slice(0, factsMax),
      };
      const faults = findings.filter(({ level }) => level === 'fault');
      if (faults.length === 0) return { ...report, steps: runbook.progress.steps };
      const words = faults.slice(0, toldMax).map(({ subject, what }) => `${subject}: ${what}`);
      throw failure('ReplicaNotVerified', `${faults.length} faults in ${name}: ${words.join(' | ')}`.slice(0, 8_000), { ...report });
    },
  );
}

interface TableGroup {
  step: PlannedStep;
  tables: string[];
  bytes: number;
}

/** The largest tables alone, the rest together. */
function groupTables(tables: readonly { name: string; bytes: number }[]): TableGroup[] {
  const groups: { tables: string[]; bytes: number }[] = [];
  for (const { name, bytes } of tables) {
    const last = groups.at(-1);
    if (last && last.bytes + bytes <= groupBytesMax && last.tables.length < groupTablesMax) {
      last.tables.push(name);
      last.bytes += bytes;
    } else groups.push({ tables: [name], bytes });
  }
  return groups.map((group, index) => ({
    ...group,
    step: step(
      `count/${index + 1}`,
      'count',
      group.tables.length === 1 ? `count ${group.tables[0] ?? ''}` : `count ${group.tables.length} tables`,
    ),
  }));
}
