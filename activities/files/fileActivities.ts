import type { OpenHost, ResolveSecret } from '../hosts/host.ts';
import { createArchiveActivities } from './archiveActivities.ts';
import { createDiskActivities } from './diskActivities.ts';
import type { FileActivities } from './files.contract.ts';
import { createTextFileActivities } from './textFileActivities.ts';
import { createTreeCopyActivities } from './treeCopy.ts';

export function createFileActivities(dependencies: { openHost: OpenHost; resolveSecret: ResolveSecret }): FileActivities {
  return {
    ...createDiskActivities(dependencies),
    ...createTextFileActivities(dependencies),
    ...createArchiveActivities(dependencies),
    ...createTreeCopyActivities(dependencies),
  };
}
