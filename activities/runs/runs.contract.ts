export interface RunSummary {
  workflowId: string;
  runId: string;
  type: string;
  status: string;
  startedAt: string;
  /** The run that started it as a child, if any. */
  parentWorkflowId: string | null;
}

export interface RunActivities {
  /** What the Temporal server says of a run; null when it knows none. Repeatable: reads only. */
  describeRun(input: { workflowId: string }): Promise<RunSummary | null>;
}
