/** Small: one member per replica set, one worker, four machines. Full: three members per set, two worker hosts, eleven machines. */
export type LabShape = 'small' | 'full';

export interface LabComponent {
  name: string;
  unit: string;
  servicePort: number;
  adminPort?: number;
  machines: string[];
  oneHostAtATime?: boolean;
}

export interface LabReplicaSet {
  name: string;
  role: 'shard' | 'config';
  unit: string;
  port: number;
  machines: string[];
  /** Below the machine's disk. */
  dataDirectory: string;
  configurationDirectory: string;
}

/** The lab as data: which machine carries what (ports and units: vitam 12). */
export interface LabLayout {
  shape: LabShape;
  machines: string[];
  components: LabComponent[];
  config: LabReplicaSet;
  shards: LabReplicaSet[];
}

export const tenants = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

const numbered = (name: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${name}-${from + index}`);

export function labLayout(shape: LabShape): LabLayout {
  const full = shape === 'full';
  const front = ['front-1'];
  const back = ['back-1'];
  const process = full ? ['process-1'] : back;
  const workers = full ? ['process-1', 'process-2'] : back;
  const search = full ? ['search-1'] : back;
  const mongo = numbered('mongo', 1, full ? 6 : 2);
  return {
    shape,
    machines: [...new Set([...front, ...workers, ...back, ...search, ...mongo])],
    components: [
      component('ingest-external', 8443, 28001, front),
      component('ingest-internal', 8100, 28100, front),
      component('access-external', 8444, 28102, front),
      component('access-internal', 8101, 28101, front),
      component('worker', 9104, 29104, workers),
      component('processing', 8203, 28203, process),
      component('workspace', 8201, 28201, process),
      { ...component('functional-administration', 8004, 18004, back), oneHostAtATime: true },
      { ...component('logbook', 9002, 29002, back), oneHostAtATime: true },
      { ...component('metadata', 8200, 28200, back), oneHostAtATime: true },
      component('storage', 9102, 29102, back),
      component('offer', 9900, 29900, back),
      component('scheduler', 8799, 28799, back),
      { name: 'elasticsearch-data', unit: 'vitam-elasticsearch-data', servicePort: 9200, machines: search },
      { name: 'elasticsearch-log', unit: 'vitam-elasticsearch-log', servicePort: 9201, machines: search },
      { name: 'logstash', unit: 'logstash', servicePort: 10514, machines: search },
      { name: 'kibana', unit: 'kibana', servicePort: 5601, machines: search },
    ],
    config: replicaSet('configsvr', 'config', full ? mongo.slice(0, 3) : mongo.slice(0, 1)),
    shards: [
      replicaSet('shard0', 'shard', full ? mongo.slice(0, 3) : mongo.slice(0, 1)),
      replicaSet('shard1', 'shard', full ? mongo.slice(3) : mongo.slice(1)),
    ],
  };
}

function component(name: string, servicePort: number, adminPort: number, machines: string[]): LabComponent {
  return { name, unit: `vitam-${name}`, servicePort, adminPort, machines };
}

function replicaSet(name: string, role: LabReplicaSet['role'], machines: string[]): LabReplicaSet {
  const program = role === 'config' ? 'mongoc' : 'mongod';
  return {
    name,
    role,
    unit: `vitam-${program}`,
    port: role === 'config' ? 27018 : 27019,
    machines,
    dataDirectory: `vitam/data/${program}/db`,
    configurationDirectory: `vitam/conf/${program}`,
  };
}
