/** What the dashboard shows. `$__rate_interval` is Grafana's. */

export interface Query {
  readonly expr: string
  /** Default: the series' own name. */
  readonly legend?: string
}

export interface Panel {
  readonly title: string
  /** What a person on call learns from it. */
  readonly description: string
  readonly kind: 'stat' | 'timeseries' | 'table'
  /** As Grafana calls it. */
  readonly unit: string
  readonly queries: readonly Query[]
  /** Of a stat: from this value on it is red; or, with `goodFrom`, green. */
  readonly badFrom?: number
  readonly goodFrom?: number
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

const DAY_SECONDS = 86_400
/** Of processes that are ours: others have metrics of these names too. */
const OURS = '* on (instance, job) group_left () max by (instance, job) (migrate_io_build_info)'

export const ROWS: readonly Row[] = [
  {
    title: 'Now',
    panels: [
      stat('Migrations under way', 'Locks that a run has, or is about to.', 'sum(migrate_io_held_locks)'),
      {
        ...stat(
          'Failing Deployments',
          'They roll out a revision whose migration has failed and not succeeded since. `migrate-io status -A` names them.',
          'sum(migrate_io_failing_deployments)',
        ),
        badFrom: 1,
      },
      stat(
        'Pods waiting',
        'Pods whose migration waits for its turn, or for the result of another.',
        'sum(migrate_io_waiting_pods)',
      ),
      {
        ...stat(
          'Rollouts that don’t get on',
          'For a reason that does not pass by itself. `migrate-io status -A` says which, and what to do.',
          'sum(migrate_io_lasting_waits)',
        ),
        badFrom: 1,
      },
      {
        ...stat('Leading controllers', 'One, but for seconds while another takes over.', 'sum(migrate_io_leader)'),
        goodFrom: 1,
      },
      {
        ...stat(
          'Ready webhooks',
          'With none, annotated Deployments can’t be changed.',
          'sum(migrate_io_webhook_ready)',
        ),
        goodFrom: 1,
      },
      {
        ...stat(
          'Certificate expires in',
          'The serving certificate of the webhooks, the first that expires.',
          'min(migrate_io_certificate_expiry_timestamp_seconds) - time()',
        ),
        unit: 's',
        goodFrom: 14 * DAY_SECONDS,
      },
    ],
  },
  {
    title: 'Migrations',
    panels: [
      {
        title: 'Runs by outcome',
        description:
          'Migrations that ended. Interrupted: the result is unknown, so the migration runs again if still wanted.',
        kind: 'timeseries',
        unit: 'short',
        queries: [
          { expr: 'sum by (outcome) (increase(migrate_io_runs_total[$__rate_interval]))', legend: '{{outcome}}' },
        ],
      },
      {
        title: 'Duration of runs that succeeded',
        description: 'Over the last hour.',
        kind: 'timeseries',
        unit: 's',
        queries: quantiles('migrate_io_run_duration_seconds'),
      },
      {
        title: 'Longest run under way',
        description: 'How long the longest held lock has been held. Absent while no lock is held.',
        kind: 'timeseries',
        unit: 's',
        queries: [{ expr: 'time() - min(migrate_io_oldest_hold_start_timestamp_seconds)', legend: 'held for' }],
      },
      {
        title: 'Pods started without a run',
        description: 'Pods of revisions that were migrated already and had not seen the record by themselves.',
        kind: 'timeseries',
        unit: 'short',
        queries: [{ expr: 'sum(increase(migrate_io_skipped_pods_total[$__rate_interval]))', legend: 'skipped' }],
      },
    ],
  },
  {
    title: 'Waiting',
    panels: [
      {
        title: 'Waiting pods, by reason',
        description: 'The reasons are explained in the reference of metrics.',
        kind: 'timeseries',
        unit: 'short',
        queries: [{ expr: 'sum by (reason) (migrate_io_waiting_pods)', legend: '{{reason}}' }],
      },
      {
        title: 'Longest wait, by reason',
        description: 'How long the longest waiting pod has waited. Absent while no pod waits.',
        kind: 'timeseries',
        unit: 's',
        queries: [
          {
            expr: 'time() - min by (reason) (migrate_io_oldest_wait_start_timestamp_seconds)',
            legend: '{{reason}}',
          },
        ],
      },
      {
        title: 'How long pods waited',
        description: 'Until they ran the migration or went on, over the last hour.',
        kind: 'timeseries',
        unit: 's',
        queries: quantiles('migrate_io_pod_wait_seconds'),
      },
      {
        title: 'Rollouts without progress, by reason',
        description: 'What `migrate-io status` gives as reason.',
        kind: 'timeseries',
        unit: 'short',
        queries: [{ expr: 'sum by (reason) (migrate_io_lasting_waits)', legend: '{{reason}}' }],
      },
      {
        title: 'Locks that pods wait for, by reason',
        description: 'One for each Deployment.',
        kind: 'timeseries',
        unit: 'short',
        queries: [{ expr: 'sum by (reason) (migrate_io_waiting_locks)', legend: '{{reason}}' }],
      },
    ],
  },
  {
    title: 'Admission',
    panels: [
      {
        title: 'Requests by outcome',
        description: 'AdmissionReviews a second. Errors are calls that could not be answered.',
        kind: 'timeseries',
        unit: 'reqps',
        queries: [
          {
            expr: 'sum by (outcome) (rate(migrate_io_admission_requests_total[$__rate_interval]))',
            legend: '{{outcome}}',
          },
        ],
      },
      {
        title: 'Refused and failed, by reason',
        description: 'Refused: Deployments whose annotations are wrong, reported to the client that sent them.',
        kind: 'timeseries',
        unit: 'reqps',
        queries: [
          {
            expr: 'sum by (reason) (rate(migrate_io_admission_requests_total{outcome=~"refused|error"}[$__rate_interval]))',
            legend: '{{reason}}',
          },
        ],
      },
      {
        title: 'Time to answer',
        description: 'The API server waits for 5 s.',
        kind: 'timeseries',
        unit: 's',
        queries: [0.5, 0.99].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (le) (rate(migrate_io_admission_duration_seconds_bucket[$__rate_interval])))`,
          legend: `p${quantile * 100}`,
        })),
      },
      {
        title: 'Calls that API servers got no answer to',
        description:
          'As API servers count them, from the first on. None while there are none, or without their metrics.',
        kind: 'timeseries',
        unit: 'reqps',
        queries: [
          {
            expr: 'sum by (name) (rate(apiserver_admission_webhook_rejection_count{name=~"(inject|strip)[.]migrate[.]io", error_type="calling_webhook_error"}[$__rate_interval]))',
            legend: '{{name}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Controller',
    panels: [
      {
        title: 'Problems that you need to fix, by reason',
        description: 'The controller’s log names the object, and the reference of metrics says what each means.',
        kind: 'timeseries',
        unit: 'short',
        queries: [
          { expr: 'sum by (reason) (increase(migrate_io_problems_total[$__rate_interval]))', legend: '{{reason}}' },
        ],
      },
      {
        title: 'Calls to the API server that failed',
        description: 'They are retried. A fault is a bug in migrate.io. None until the first one.',
        kind: 'timeseries',
        unit: 'short',
        queries: [
          { expr: 'sum by (code) (increase(migrate_io_api_failures_total[$__rate_interval]))', legend: '{{code}}' },
        ],
      },
      {
        title: 'Restarts of the watch',
        description: 'A new stream every 5 to 10 minutes is as it should be.',
        kind: 'timeseries',
        unit: 'short',
        queries: [
          { expr: 'sum by (what) (increase(migrate_io_watch_restarts_total[$__rate_interval]))', legend: '{{what}}' },
        ],
      },
      {
        title: 'Work at hand',
        description: "Locks waiting to be reconciled: more than zero for long means that the controller can't keep up.",
        kind: 'timeseries',
        unit: 'short',
        queries: [
          { expr: 'max(migrate_io_queued_locks)', legend: 'queued locks' },
          { expr: 'max(migrate_io_watched_pods)', legend: 'watched pods' },
        ],
      },
    ],
  },
  {
    title: 'Certificates and processes',
    panels: [
      {
        title: 'Self-managed certificates expire in',
        description: 'None where somebody else brings the certificate.',
        kind: 'timeseries',
        unit: 's',
        queries: [
          {
            expr: 'min by (certificate) (migrate_io_managed_certificate_expiry_timestamp_seconds) - time()',
            legend: '{{certificate}}',
          },
        ],
      },
      {
        title: 'Steps of the self-managed certificates',
        description: 'None until the first one, nor where somebody else brings the certificate.',
        kind: 'timeseries',
        unit: 'short',
        queries: [
          {
            expr: 'sum by (step, reason) (increase(migrate_io_certificate_steps_total[$__rate_interval]))',
            legend: '{{step}}: {{reason}}',
          },
        ],
      },
      {
        title: 'Certificate files not taken',
        description: 'Contents that a webhook saw and could not use; it goes on with the one before.',
        kind: 'timeseries',
        unit: 'short',
        queries: [
          {
            expr: 'sum(increase(migrate_io_certificate_reload_failures_total[$__rate_interval]))',
            legend: 'not taken',
          },
        ],
      },
      {
        title: 'Memory',
        description: 'Resident, of each process.',
        kind: 'timeseries',
        unit: 'bytes',
        queries: [{ expr: `process_resident_memory_bytes ${OURS}`, legend: '{{instance}}' }],
      },
      {
        title: 'CPU',
        description: 'Cores, of each process.',
        kind: 'timeseries',
        unit: 'short',
        queries: [{ expr: `rate(process_cpu_seconds_total[$__rate_interval]) ${OURS}`, legend: '{{instance}}' }],
      },
      {
        title: 'Delay of the event loop',
        description: 'How late timers ran, at worst: more than a second means that the process has too little CPU.',
        kind: 'timeseries',
        unit: 's',
        queries: [
          { expr: 'max by (instance) (migrate_io_event_loop_delay_seconds{quantile="1"})', legend: '{{instance}}' },
        ],
      },
      {
        title: 'Versions',
        description: 'How many processes run which version.',
        kind: 'table',
        unit: 'short',
        queries: [{ expr: 'count by (version, node) (migrate_io_build_info)' }],
      },
    ],
  },
]

function stat(title: string, description: string, expr: string): Panel {
  return { title, description, kind: 'stat', unit: 'short', queries: [{ expr }] }
}

/** Of a histogram whose events are rare. */
function quantiles(histogram: string): readonly Query[] {
  return [0.5, 0.95].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${histogram}_bucket[1h])))`,
    legend: `p${quantile * 100}`,
  }))
}
