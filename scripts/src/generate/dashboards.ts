/** What operators see: chain and network of the validators, the campus, the reserve. Every metric of ours stands on one of them. */
import { mean, now, p95, perSecond, type DashboardTable, type PanelTable } from './dashboard.ts';

const FIRING: PanelTable = { title: 'Firing alerts', unit: 'short', queries: [{ expr: 'sum by (alertname, instance) (ALERTS{alertstate="firing", instance=~"$instance"})', legend: '{{alertname}} {{instance}}' }] };

const CHAIN: DashboardTable = {
  name: 'chain', title: 'Chain',
  rows: {
    'Finality': [
      FIRING,
      { title: 'Age of the newest final block', unit: 's', queries: [now('finality_age_seconds')] },
      { title: 'From block time to finality', unit: 's', queries: [{ expr: 'instance:block_finality_seconds:p95_rate5m{instance=~"$instance"}', legend: '{{instance}} p95' }, mean('billcoin_block_finality_seconds')] },
      { title: 'Height', unit: 'short', queries: [now('billcoin_chain_height')] },
      { title: 'Blocks and rounds a second', unit: 'short', queries: [perSecond('billcoin_chain_blocks_total', undefined, 'blocks'), perSecond('billcoin_consensus_rounds_total', undefined, 'rounds')] },
      { title: 'Final transactions a second', unit: 'short', queries: [perSecond('billcoin_chain_transactions_total', 'result')] },
      { title: 'Transactions in a block', unit: 'short', queries: [p95('billcoin_block_transactions'), mean('billcoin_block_transactions')] },
      { title: 'Seen to sign twice', unit: 'short', queries: [now('billcoin_consensus_evidence_total')] },
      { title: 'Clock offset', unit: 's', queries: [now('billcoin_consensus_clock_offset_seconds')] },
    ],
    'Pool and consensus loop': [
      { title: 'Pool', unit: 'short', queries: [now('billcoin_mempool_transactions'), now('billcoin_mempool_limit_transactions', 'limit')] },
      { title: 'Pool, bytes', unit: 'bytes', queries: [now('billcoin_mempool_bytes')] },
      { title: 'What waits for the loop', unit: 'short', queries: [now('billcoin_consensus_waiting_inputs', 'inputs'), now('billcoin_consensus_whole_blocks', 'whole blocks'), now('billcoin_sync_held_blocks', 'fetched ahead')] },
    ],
    'Machine': [
      { title: 'Answers', unit: 'short', queries: [now('up')] },
      { title: 'Free disk', unit: 'bytes', queries: [now('billcoin_disk_free_bytes'), now('billcoin_disk_floor_bytes', 'floor')] },
      { title: 'Synced writes', unit: 's', queries: [p95('billcoin_disk_sync_seconds', 'what')] },
      { title: 'Memory', unit: 'bytes', queries: [now('billcoin_process_resident_memory_bytes', 'resident'), now('billcoin_nodejs_heap_size_used_bytes', 'heap')] },
      { title: 'Event loop lag', unit: 's', queries: [now('billcoin_nodejs_eventloop_lag_p99_seconds', 'p99')] },
      { title: 'Processor', unit: 'percentunit', queries: [perSecond('billcoin_process_cpu_seconds_total')] },
    ],
    'State and store': [
      { title: 'Rows of the state', unit: 'short', queries: [now('billcoin_state_rows')] },
      { title: 'Memory of states', unit: 'bytes', queries: [now('billcoin_state_tree_bytes', 'tree'), now('billcoin_proof_state_bytes', 'kept for proofs')] },
      { title: 'On disk', unit: 'bytes', queries: [now('billcoin_snapshots_bytes', 'snapshots'), now('billcoin_state_undo_bytes', 'undo')] },
      { title: 'Heights kept for proofs, flushes that can go back', unit: 'short', queries: [now('billcoin_proof_states', 'proofs'), now('billcoin_state_undo_rows', 'undo')] },
      { title: 'Block read again last', unit: 'short', queries: [now('billcoin_scrub_height')] },
    ],
  },
};

const NETWORK: DashboardTable = {
  name: 'network', title: 'Network',
  rows: {
    'Peers': [
      FIRING,
      { title: 'Peers', unit: 'short', queries: [now('billcoin_network_peers'), now('billcoin_network_named_peers', 'named')] },
      { title: 'Streams', unit: 'short', queries: [now('billcoin_network_streams')] },
      { title: 'Offences a second', unit: 'short', queries: [perSecond('billcoin_network_offences_total', 'offence')] },
      { title: 'Bans', unit: 'short', queries: [now('billcoin_network_banned_peers', 'banned now'), now('billcoin_network_bans_total', 'since the start')] },
      { title: 'Failed dials a second', unit: 'short', queries: [perSecond('billcoin_network_dial_failures_total')] },
    ],
    'Traffic': [
      { title: 'Received', unit: 'Bps', queries: [perSecond('billcoin_network_received_bytes_total', 'kind')] },
      { title: 'Sent', unit: 'Bps', queries: [perSecond('billcoin_network_sent_bytes_total', 'kind')] },
      { title: 'Messages received a second', unit: 'short', queries: [perSecond('billcoin_network_received_messages_total', 'kind')] },
      { title: 'Messages sent a second', unit: 'short', queries: [perSecond('billcoin_network_sent_messages_total', 'kind')] },
      { title: 'Dropped for slow readers, a second', unit: 'short', queries: [perSecond('billcoin_network_dropped_messages_total', 'class')] },
      { title: 'Messages that wait to be sent', unit: 'short', queries: [now('billcoin_network_queued_messages', '', 'class')] },
      { title: 'Bytes on their way', unit: 'bytes', queries: [now('billcoin_network_queued_bytes', 'to send'), now('billcoin_network_receiving_bytes', 'coming')] },
    ],
  },
};

const CAMPUS: DashboardTable = {
  name: 'campus', title: 'Campus',
  rows: {
    'Payments': [
      FIRING,
      { title: 'Payments a second', unit: 'short', queries: [perSecond('payment_success_total')] },
      { title: 'Payments that failed, a second', unit: 'short', queries: [perSecond('payment_failed_total', 'reason')] },
      { title: 'Failed and refused validations', unit: 'percentunit', queries: [{ expr: 'instance:validation_errors:ratio_rate5m{instance=~"$instance"}', legend: '{{instance}} our fault' }, { expr: 'instance:validations_refused:ratio_rate10m{instance=~"$instance"}', legend: '{{instance}} refused' }] },
      { title: 'Time of a validation', unit: 's', queries: [{ expr: 'instance:validation_latency_seconds:p95_rate5m{instance=~"$instance"}', legend: '{{instance}} p95' }, mean('validation_latency_seconds')] },
      { title: 'Validations a second', unit: 'short', queries: [perSecond('validations_total', 'result')] },
      { title: 'Orders that wait', unit: 'short', queries: [now('orders_open')] },
      { title: 'Blocks behind the chain', unit: 'short', queries: [now('campus_height_lag')] },
      { title: 'Writes that wait for the disk', unit: 'short', queries: [now('billcoin_campus_writes_waiting', '', 'lane')] },
      { title: 'Rows on their way to the disk', unit: 'short', queries: [now('billcoin_campus_staged_rows')] },
      { title: 'Remembered beside the rows', unit: 'short', queries: [now('billcoin_campus_remembered', '', 'what')] },
    ],
    'API': [
      { title: 'Answers a second', unit: 'short', queries: [perSecond('http_requests_total', 'status')] },
      { title: 'Faults a second by route', unit: 'short', queries: [{ expr: 'sum by (instance, route) (rate(http_requests_total{instance=~"$instance", status=~"5.."}[5m]))', legend: '{{instance}} {{route}}' }] },
      { title: 'Requests whose turn has not come', unit: 'short', queries: [now('http_requests_waiting')] },
      { title: 'Open streams', unit: 'short', queries: [now('sse_clients')] },
    ],
    'Limits, flags, alerts': [
      { title: 'Refused by a limit, a second', unit: 'short', queries: [perSecond('rate_limited_total', 'policy'), perSecond('payment_attempts_limited_total', undefined, 'payment attempts')] },
      { title: 'Flags since the start', unit: 'short', queries: [now('flags_total', '', 'rule')] },
      { title: 'Messages to Slack', unit: 'short', queries: [now('alerts_waiting', 'waiting'), perSecond('alert_delivery_total', 'outcome')] },
      { title: 'Memory of the limits', unit: 'short', queries: [now('rate_limit_keys', 'keys'), now('rate_limit_times', 'times'), now('rate_limit_keys_forgotten', 'forgotten')] },
    ],
  },
};

const RESERVE: DashboardTable = {
  name: 'reserve', title: 'Reserve',
  rows: {
    'Milk and sales': [
      FIRING,
      { title: 'Milk that plants owe', unit: 'mlitre', queries: [now('reserve_gap_ml')] },
      { title: 'Days the milk in custody lasts', unit: 'd', queries: [now('supply_cover_days')] },
      { title: 'Payments of the last 24 hours', unit: 'short', queries: [{ expr: 'increase(payment_success_total{instance=~"$instance"}[1d])', legend: '{{instance}}' }] },
    ],
    'Oracles': [
      { title: 'Readings a second', unit: 'short', queries: [perSecond('mmu_readings_total', 'verdict')] },
      { title: 'Rules that readings break, a second', unit: 'short', queries: [perSecond('mmu_readings_total', 'rule')] },
      { title: 'Messages a second, and those that wait', unit: 'short', queries: [perSecond('mmu_messages_total'), now('mmu_intake_queue_messages', 'waiting')] },
      { title: 'Broker connected', unit: 'short', queries: [now('mmu_broker_connected')] },
      { title: 'Batches and receipts that wait', unit: 'short', queries: [now('mmu_lots_waiting', 'batches'), now('mmu_receipts_owed', 'receipts')] },
      { title: 'Statements since the start', unit: 'short', queries: [now('mmu_statements_total', '', 'kind')] },
      { title: 'Alarms since the start', unit: 'short', queries: [now('mmu_alarms_total', '', 'kind')] },
    ],
  },
};

export const DASHBOARDS: readonly DashboardTable[] = [CHAIN, NETWORK, CAMPUS, RESERVE];
