import { readReplicationTimes } from '../../client/replicationTimes/readReplicationTimes.ts';

const { runs } = await readReplicationTimes(process.argv[2] ?? '');
console.log(JSON.stringify(runs));
