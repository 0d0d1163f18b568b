/** Milestones of a run, as the old tool logs them (pix 37). */
export const milestones = {
  importStart: 'Start import and enrichment',
  backupStart: 'Start create Backup',
  restoreStart: 'Start restore',
  restoreDone: 'Restore done',
  enrichmentEnded: 'enrichment.add - Ended',
  importDone: 'Import and enrichment done',
} as const;

export type Milestone = keyof typeof milestones;

export type Marker = { bytes: Buffer; kind: 'milestone'; milestone: Milestone } | { bytes: Buffer; kind: 'launched' | 'finished' };

/** What a chunk is searched for, in ASCII alone: a log may be French, and its accents broken on the way. pg_restore speaks the language of its host. */
export const markers: readonly Marker[] = [
  ...Object.entries(milestones).map(([milestone, text]) => ({
    bytes: Buffer.from(text),
    kind: 'milestone' as const,
    milestone: milestone as Milestone,
  })),
  { bytes: Buffer.from('launching item '), kind: 'launched' },
  { bytes: Buffer.from('finished item '), kind: 'finished' },
  { bytes: Buffer.from("lancement de l'"), kind: 'launched' },
  { bytes: Buffer.from('ment termin'), kind: 'finished' },
];
