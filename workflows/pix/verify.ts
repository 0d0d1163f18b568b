import type { Finding, ReplicaInspection, ReplicaSides, RowCounts } from '../../activities/warehouse/checks/checks.contract.ts';
import { failure } from '../../activities/failure.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patient, patientFor } from '../runbook/profiles.ts';
import type { PlannedStep, PlanReport } from '../runbook/runbook.contract.ts';
import { workPool } from '../runbook/workPool.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import { ofReplica } from './ofReplica.ts';
import type { PixReplica } from './replica.contract.ts';
import type { VerifyFacts, VerifyReport } from './verify.contract.ts';

/** Small tables are counted together. */
const groupBytesMax = 64_000_000;
const groupTablesMax = 50;
const limitSeconds = 4 * 3600;
const toldMax = 30;
const factsMax = 200;

const phases = { inspect: '1. Tables, indexes, sequences', count: '2. Row counts', content: '3. Freshness and queries' } as const;
const plan = {
  inspect: step(phases.inspect, 'inspect', 'look for missing tables, indexes that are not valid, sequences that are behind'),
  freshness: step(phases.content, 'freshness', 'read the age of the newest rows', { limitSeconds }),
  queries: step(phases.content, 'queries', 'run the verification queries', { limitSeconds }),
};

export const verify: Procedure<PixRequest<'pixVerify'>, typeof plan> = {
  ...ofReplica,
  type: 'pixVerify',
  plan: () => plan,
  holds: () => [],
  gates: () => ['best while no run works on the replica: one that takes a copy into use in the meantime shows as findings'],
  needsLook: 'the counts of the tables are steps of their own',
  look: async ({ replica }) => {
    const { tables, othersOnTarget, indexes, sequences, findings } = await inspect(replica);
    return { faults: [], warnings: findings.map(inWords), facts: { tables, othersOnTarget, indexes, sequences } };
  },
  cancelled: 'nothing is changed',
};

/**
 * Compares the warehouse with production after the night: tables, exact row counts, freshness, queries, indexes, sequences. Reads only.
 *
 * Runbook   upstream's check in the morning. Fewer rows than production has now are told and no fault, since nobody knows the counts of the night's
 *           snapshot any more; more rows are one unless production's statistics know of as many deletions; an empty table is one.
 * Downtime  none; counting costs production time of its disks.
 * Needs     a user on both sides that may read; verify in the replica file says queries and ages.
 * On error  fails with ReplicaNotVerified, with every finding; nothing is changed.
 * To stop   cancel.
 */
export async function pixVerify(input: PixInput<'pixVerify'>): Promise<VerifyReport | PlanReport> {
  return procedure(verify, input, async ({ request: { replica }, run }): Promise<VerifyFacts> => {
    const { name, verify: wanted, retries, full } = replica;
    const sides = sidesOf(replica);
    const seen = await run.step(plan.inspect, async (record) => {
      const found = await inspect(replica);
      record.note = `${found.tables.length} tables, ${found.indexes} indexes, ${found.sequences} sequences; ${found.findings.length} findings`;
      return found;
    });
    const findings: Finding[] = [...seen.findings];

    const groups = groupTables(seen.tables);
    run.addSteps(
      groups.map((group) => group.step),
      plan.freshness,
    );
    const counted: RowCounts['tables'] = [];
    await workPool(
      groups,
      full.atOnceMax,
      ({ bytes }) => bytes,
      async (group) => {
        const counts = await run.step(group.step, async (record) => {
          const done = await patientFor(group.step.title, retries).countRows({ sides, tables: group.tables });
          record.note = `${done.tables.reduce((sum, { targetRows }) => sum + targetRows, 0)} rows; ${done.findings.length} findings`;
          return done;
        });
        counted.push(...counts.tables);
        findings.push(...counts.findings);
        return [];
      },
    );

    const fresh = await run.step(plan.freshness, () =>
      patient(plan.freshness.title, limitSeconds).checkFreshness({ sides, freshness: wanted.freshness }),
    );
    const asked = await run.step(plan.queries, () =>
      patient(plan.queries.title, limitSeconds).runQueries({ sides, queries: wanted.queries }),
    );
    findings.push(...fresh.findings, ...asked.findings);

    const facts: VerifyFacts = {
      tables: counted.sort((a, b) => (a.table < b.table ? -1 : 1)),
      ...{ othersOnTarget: seen.othersOnTarget, indexes: seen.indexes, sequences: seen.sequences },
      ...{ freshness: fresh.freshness, queries: asked.answers },
      findings: findings.sort((a, b) => Number(a.level === 'note') - Number(b.level === 'note')).slice(0, factsMax),
    };
    const faults = findings.filter(({ level }) => level === 'fault');
    if (faults.length === 0) return facts;
    const words = faults.slice(0, toldMax).map(inWords);
    throw failure('ReplicaNotVerified', `${faults.length} faults in ${name}: ${words.join(' | ')}`.slice(0, 8_000), { ...facts });
  });
}

function sidesOf({ name, source, target, schema, tables }: PixReplica): ReplicaSides {
  return { replica: name, source, target, schema, tables };
}

function inspect(replica: PixReplica): Promise<ReplicaInspection> {
  return patientFor(`look at both sides of ${replica.name}`, replica.retries).inspectReplica({ sides: sidesOf(replica) });
}

function inWords({ subject, what }: Finding): string {
  return `${subject}: ${what}`;
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
      phases.count,
      `count/${index + 1}`,
      group.tables.length === 1 ? `count ${group.tables[0] ?? ''}` : `count ${group.tables.length} tables`,
    ),
  }));
}
