import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A VITAM 7 of several hosts: a data cluster of two shards, an offer on disk with a cluster of its own, and one in S3. */
const ini = `
# Written by hand for these tests.
[hosts:children]
vitam
hosts_consul_server

[vitam:children]
zone_fronts
zone_back
zone_mongo

[zone_fronts:children]
hosts_ingest_external
hosts_access_external
[zone_back:children]
hosts_processing
hosts_worker
hosts_workspace
hosts_logbook
hosts_metadata
hosts_storage
hosts_scheduler
hosts_offer
hosts_elasticsearch_data
[zone_mongo:children]
hosts_mongos_data
hosts_mongoc_data
hosts_mongod_data
hosts_mongos_offer
hosts_mongoc_offer
hosts_mongod_offer

[hosts_ingest_external]
front-1.arch ansible_host=192.0.2.1 # the gate
[hosts_access_external]
front-1.arch
[hosts_processing]
back-1.arch ansible_user=root ansible_port=2222
[hosts_worker]
worker-[01:03].arch vitam_worker_capacity=4 # four threads
[hosts_workspace]
back-1.arch
[hosts_logbook]
back-1.arch
[hosts_metadata]
back-1.arch
[hosts_storage]
back-1.arch
[hosts_scheduler]
back-1.arch
[hosts_offer]
offer-1.arch offer_conf=offer-fs-1
offer-2.arch offer_conf=offer-s3-1
[hosts_elasticsearch_data]
back-1.arch
[hosts_consul_server]
consul-[a:c].arch

[hosts_mongos_data]
mongoc-1.arch
[hosts_mongoc_data]
mongoc-1.arch mongo_cluster_name=mongo-data mongo_rs_bootstrap=true
[hosts_mongod_data]
mongod-[1:3].arch mongo_cluster_name=mongo-data mongo_shard_id=0
mongod-[4:5].arch mongo_cluster_name=mongo-data mongo_shard_id=1
arbiter-1.arch    mongo_cluster_name=mongo-data mongo_shard_id=1 mongo_arbiter=true
[hosts_mongos_offer]
offer-1.arch
[hosts_mongoc_offer]
offer-1.arch mongo_cluster_name=offer-fs-1
[hosts_mongod_offer]
offer-1.arch mongo_cluster_name=offer-fs-1 mongo_shard_id=0

[hosts:vars]
ansible_ssh_user='deploy'
vitam_site_name = north
vitam_tenant_ids=[0, 1, 5]
vitam_tenant_admin=1
`;

const yaml = `---
all:
  children:
    hosts:
      vars: { ansible_ssh_user: deploy, vitam_site_name: north, vitam_tenant_ids: [0, 1, 5], vitam_tenant_admin: 1 }
      children:
        vitam:
          children:
            zone_fronts:
              children:
                hosts_ingest_external: { hosts: { front-1.arch: { ansible_host: 192.0.2.1 } } }
                hosts_access_external: { hosts: { front-1.arch: } }
            zone_back:
              children:
                hosts_processing: { hosts: { back-1.arch: { ansible_user: root, ansible_port: 2222 } } }
                hosts_worker: { hosts: { 'worker-[01:03].arch': { vitam_worker_capacity: 4 } } }
                hosts_workspace: { hosts: { back-1.arch: } }
                hosts_logbook: { hosts: { back-1.arch: } }
                hosts_metadata: { hosts: { back-1.arch: } }
                hosts_storage: { hosts: { back-1.arch: } }
                hosts_scheduler: { hosts: { back-1.arch: } }
                hosts_offer: { hosts: { offer-1.arch: { offer_conf: offer-fs-1 }, offer-2.arch: { offer_conf: offer-s3-1 } } }
                hosts_elasticsearch_data: { hosts: { back-1.arch: } }
            zone_mongo:
              children:
                hosts_mongos_data: { hosts: { mongoc-1.arch: } }
                hosts_mongoc_data: { hosts: { mongoc-1.arch: { mongo_rs_bootstrap: true } }, vars: { mongo_cluster_name: mongo-data } }
                hosts_mongod_data:
                  vars: { mongo_cluster_name: mongo-data }
                  hosts:
                    mongod-[1:3].arch: { mongo_shard_id: 0 }
                    mongod-[4:5].arch: { mongo_shard_id: 1 }
                    arbiter-1.arch: { mongo_shard_id: 1, mongo_arbiter: true }
                hosts_mongos_offer: { hosts: { offer-1.arch: } }
                hosts_mongoc_offer: { hosts: { offer-1.arch: { mongo_cluster_name: offer-fs-1 } } }
                hosts_mongod_offer: { hosts: { offer-1.arch: { mongo_shard_id: 0 } } }
        hosts_consul_server: { hosts: { 'consul-[a:c].arch': } }
`;

const variables: Record<string, string> = {
  'group_vars/all/main.yml': `
root: /srv/vitam
vitam_defaults:
  folder: { root_path: '{{ root }}' }
vitam:
  accessexternal: { vitam_component: access-external, port_service: 9444, port_admin: 29444 }
mongodb:
  mongos_port: '27117'
vitam_offers:
  offer-fs-1: { provider: filesystem-hash }
  offer-s3-1: { provider: amazon-s3-v1 }
`,
  // Merged with the table of the same name in main.yml.
  'group_vars/all/zz_services.yaml': 'vitam_defaults: { services: { start_timeout: 300, stop_timeout: 1800 } }\n',
  'group_vars/all/vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n63616e617279\n',
  'group_vars/hosts_mongod_data.yml': `
mongodb:
  mongo-data:
    localadmin: { user: local-boss, password: canary }
    admin:
      user: !vault |
        $ANSIBLE_VAULT;1.1;AES256
        63616e617279
`,
  'host_vars/front-1.arch.yml': 'ip_service: 10.0.0.1\nip_admin: 10.1.0.1\n',
  'host_vars/nobody.yml': 'not: [read\n',
};

/** Writes them into a folder; answers the paths of the two inventories, which are the same platform. */
export async function writeInventories(folder: string): Promise<{ ini: string; yaml: string }> {
  const files = { ...variables, hosts: ini, 'hosts.yml': yaml };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return { ini: join(folder, 'hosts'), yaml: join(folder, 'hosts.yml') };
}
