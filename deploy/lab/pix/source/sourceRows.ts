/** Kinds of rows, named as in the SQL files, with their part of all rows; the two large ones are append-only. */
const shares = {
  users: 0.06,
  organizations: 0.005,
  learners: 0.05,
  campaigns: 0.005,
  participations: 0.05,
  certifications: 0.02,
  badges: 0.02,
  assessments: 0.07,
  answers: 0.32,
  elements: 0.3,
  snapshots: 0.02,
  modules: 0.04,
  logs: 0.04,
} as const;

export type SourceKind = keyof typeof shares;

export const sourceKinds = Object.keys(shares) as SourceKind[];

/** Table of each kind, as SQL writes it. */
export const tableOfKind: Record<SourceKind, string> = {
  users: 'public.users',
  organizations: 'public.organizations',
  learners: 'public."organization-learners"',
  campaigns: 'public.campaigns',
  participations: 'public."campaign-participations"',
  certifications: 'public."certification-courses"',
  badges: 'public."badge-acquisitions"',
  assessments: 'public.assessments',
  answers: 'public.answers',
  elements: 'public."knowledge-elements"',
  snapshots: 'public."knowledge-element-snapshots"',
  modules: 'public."element-answers"',
  logs: 'public."activity-logs"',
};

/** Every table that holds rows of its own; partitions by their parent. Append-only are those of the incremental copy (pix 23). */
export const pixSourceTables = [
  'users',
  'organizations',
  'organization-learners',
  'campaigns',
  'campaign-participations',
  'certification-courses',
  'badge-acquisitions',
  'badge_acquisitions',
  'assessments',
  'answers',
  'knowledge-elements',
  'knowledge-element-snapshots',
  'element-answers',
  'activity-logs',
  '_migrations',
] as const;

/** Numbers of the rows of one kind: those above `first` up to `last`. */
export interface RowRange {
  first: number;
  last: number;
}

/** About `rows` rows in all, at least one of every kind, after those that exist. */
export function rangesOf(rows: number, existing: Partial<Record<SourceKind, number>>): Record<SourceKind, RowRange> {
  return Object.fromEntries(
    sourceKinds.map((kind) => {
      const first = existing[kind] ?? 0;
      return [kind, { first, last: first + Math.max(1, Math.round(rows * shares[kind])) }];
    }),
  ) as Record<SourceKind, RowRange>;
}
