interface KnownComponent {
  servicePort: number;
  /** Components of VITAM's own have one, and tell their status there. */
  adminPort?: number;
  /** The variable with the service port, where it is not among those of VITAM's own components. */
  portVariable?: string;
  /** Default: hosts_<component>. Dashes are underscores: VITAM wrote both. */
  groups?: string[];
  /** Default: vitam-<component>. */
  unit?: string;
  /** Further fields of the platform file. */
  fields?: Record<string, unknown>;
}

/** VITAM's components, with the ports that its deployment gives them. */
export const vitamComponents: Record<string, KnownComponent> = {
  'ihm-demo': { servicePort: 8446, adminPort: 28_002 },
  'ihm-recette': { servicePort: 8445, adminPort: 28_204 },
  'ingest-external': { servicePort: 8443, adminPort: 28_001 },
  'access-external': { servicePort: 8444, adminPort: 28_102 },
  'ingest-internal': { servicePort: 8100, adminPort: 28_100 },
  'access-internal': { servicePort: 8101, adminPort: 28_101 },
  'collect-external': { servicePort: 8030, adminPort: 28_030 },
  'collect-internal': { servicePort: 8038, adminPort: 28_038 },
  'workspace-collect': { servicePort: 8291, adminPort: 28_291 },
  'metadata-collect': { servicePort: 8290, adminPort: 28_290 },
  worker: { servicePort: 9104, adminPort: 29_104 },
  'batch-report': { servicePort: 8015, adminPort: 18_015 },
  processing: { servicePort: 8203, adminPort: 28_203 },
  'security-internal': { servicePort: 8005, adminPort: 28_005 },
  scheduler: { servicePort: 8799, adminPort: 28_799 },
  'functional-administration': { servicePort: 8004, adminPort: 18_004, fields: { oneHostAtATime: true } },
  logbook: { servicePort: 9002, adminPort: 29_002, fields: { oneHostAtATime: true } },
  workspace: { servicePort: 8201, adminPort: 28_201 },
  metadata: { servicePort: 8200, adminPort: 28_200, fields: { oneHostAtATime: true } },
  storage: { servicePort: 9102, adminPort: 29_102, groups: ['hosts_storage', 'hosts_storage_engine'] },
  offer: { servicePort: 9900, adminPort: 29_900, groups: ['hosts_offer', 'hosts_storage_offer_default'] },
  kibana: {
    servicePort: 5601,
    portVariable: 'kibana.data.port',
    groups: ['hosts_kibana_data', 'hosts_kibana_log'],
    unit: 'kibana',
    fields: { stoppedConditions: ['stopped'] },
  },
  'elasticsearch-data': { servicePort: 9200, portVariable: 'elasticsearch.data.port_http', fields: { stoppedConditions: ['stopped'] } },
  logstash: { servicePort: 10_514, portVariable: 'logstash.port', unit: 'logstash' },
  'elasticsearch-log': { servicePort: 9201, portVariable: 'elasticsearch.log.port_http', fields: { stoppedConditions: ['stopped'] } },
};
