import type { resolveReplica } from './replica.schema.ts';

/** A replica: a warehouse that is made anew from a production database every night. As its file says it, which explains every field; nothing in it is secret. */
export type PixReplica = ReturnType<typeof resolveReplica>['replica'];

export type GuardSettings = NonNullable<PixReplica['guard']>;
export type WebhookSettings = PixReplica['notifications'][number];
/** A kind of container of an application on Scalingo. */
export type ContainerSettings = PixReplica['containers'][number];
