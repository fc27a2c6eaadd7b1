// Figures for Prometheus, in a registry of this server's own.
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'

export type Metrics = Readonly<{
  registry: Registry
  dhcp: Counter<'outcome'>
  dhcp6: Counter<'outcome'>
  tftp: Counter<'outcome'>
  tftpBytes: Counter
  http: Counter<'status'>
  targets: TargetMetrics
}>

/** Of what is generated for other daemons. */
export type TargetMetrics = Readonly<{
  runs: Counter<'target' | 'outcome'>
  filesWritten: Counter<'target'>
  /** When the folder was last made, or found, as it should be: seconds since the epoch. */
  goodAt: Gauge<'target'>
  reloadFailures: Counter<'target'>
}>

export function openMetrics(
  facts: () => Readonly<{ revision: number; machines: number; inventoryUp: boolean; viewsUp: boolean | null }>,
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'bootstead_inventory_revision',
    help: 'Newest change that is served',
    registers,
    collect() {
      this.set(facts().revision)
    },
  })
  new Gauge({
    name: 'bootstead_machines',
    help: 'Machines in the inventory',
    registers,
    collect() {
      this.set(facts().machines)
    },
  })
  new Gauge({
    name: 'bootstead_inventory_up',
    help: '1 while the database answers',
    registers,
    collect() {
      this.set(facts().inventoryUp ? 1 : 0)
    },
  })
  if (facts().viewsUp !== null)
    new Gauge({
      name: 'bootstead_views_up',
      help: "1 while the site's views are followed",
      registers,
      collect() {
        this.set(facts().viewsUp === true ? 1 : 0)
      },
    })
  return {
    registry,
    dhcp: new Counter({
      name: 'bootstead_dhcp_messages_total',
      help: 'DHCP requests by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    dhcp6: new Counter({
      name: 'bootstead_dhcp6_messages_total',
      help: 'DHCPv6 requests by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    tftp: new Counter({
      name: 'bootstead_tftp_transfers_total',
      help: 'TFTP transfers by how they ended',
      labelNames: ['outcome'],
      registers,
    }),
    tftpBytes: new Counter({ name: 'bootstead_tftp_bytes_total', help: 'Bytes of files sent over TFTP', registers }),
    http: new Counter({
      name: 'bootstead_http_responses_total',
      help: 'HTTP responses by status',
      labelNames: ['status'],
      registers,
    }),
    targets: targetMetrics(registers),
  }
}

function targetMetrics(registers: Registry[]): TargetMetrics {
  return {
    runs: new Counter({
      name: 'bootstead_target_runs_total',
      help: 'Times a target was generated, by what came of it: published, unchanged, refused or failed',
      labelNames: ['target', 'outcome'],
      registers,
    }),
    filesWritten: new Counter({
      name: 'bootstead_target_files_written_total',
      help: 'Files written for a target',
      labelNames: ['target'],
      registers,
    }),
    goodAt: new Gauge({
      name: 'bootstead_target_good_timestamp_seconds',
      help: 'When a target was last published or found unchanged',
      labelNames: ['target'],
      registers,
    }),
    reloadFailures: new Counter({
      name: 'bootstead_target_reload_failures_total',
      help: "Times a target's daemon could not be told",
      labelNames: ['target'],
      registers,
    }),
  }
}
