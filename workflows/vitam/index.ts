export { vitamBackupProof } from './backupProof.ts';
export { vitamColdBackup } from './coldBackup.ts';
export { vitamStart } from './start.ts';
export { vitamStatus } from './status.ts';
