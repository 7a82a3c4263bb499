// A database as an installation of the reference leaves it (spec schema.md section 4): partitions, foreign key, some of
// the old indexes, a snowflake function of its own, rows without a feed key.
#pragma once

#include <string>

#include <noetl/pg/connection.hpp>

namespace noetl::test {

inline void make_baseline(pg::connection& db) {
   db.script(R"(
create schema noetl;
create function noetl.snowflake_id() returns bigint language sql as $$ select 42::bigint $$;
create table noetl.resource (name varchar primary key, meta jsonb);
insert into noetl.resource values ('playbook', '{"executable": true, "note": "kept"}'), ('gadget', '{}');
create table noetl.catalog (catalog_id bigint primary key default noetl.snowflake_id(), path text not null, version smallserial,
   kind varchar not null references noetl.resource (name), content text, layout jsonb, payload jsonb, meta jsonb,
   created_at timestamp not null default current_timestamp, credential_id integer, unique (path, version));
insert into noetl.catalog (catalog_id, path, kind) values (5, 'a/b', 'playbook');
create table noetl.keychain (cache_key text primary key, keychain_name text not null,
   catalog_id bigint not null references noetl.catalog (catalog_id), credential_type text not null, cache_type text not null,
   scope_type text not null, execution_id bigint, parent_execution_id bigint, data_encrypted text not null, schema jsonb,
   expires_at timestamptz not null, created_at timestamptz not null default now(), accessed_at timestamptz not null default now(),
   access_count integer default 0, auto_renew boolean default false, renew_config jsonb);
create table noetl.event (
   execution_id bigint, catalog_id bigint not null, event_id bigint, parent_event_id bigint, parent_execution_id bigint,
   created_at timestamp not null default current_timestamp, event_type varchar, node_id varchar, node_name varchar,
   node_type varchar, status varchar, duration double precision, context jsonb, result jsonb, meta jsonb, error text,
   current_index integer, current_item text, worker_id varchar, distributed_state varchar, context_key varchar,
   context_value text, trace_component jsonb, stack_trace text,
   primary key (execution_id, event_id)) partition by range (execution_id);
alter table noetl.event add column tenant_id text not null default 'default', add column organization_id text not null default 'default',
   add column stream_id text, add column stream_version bigint, add column aggregate_id text, add column aggregate_type text,
   add column schema_name text, add column schema_version integer not null default 1,
   add column event_time timestamptz not null default now(), add column ingest_time timestamptz not null default now(),
   add column producer text, add column causation_id text, add column correlation_id text, add column idempotency_key text,
   add column payload_ref jsonb, add column envelope_checksum text, add column command_id bigint, add column stage_id bigint,
   add column frame_id bigint;
alter table noetl.event add constraint chk_event_result_shape check (result is null or jsonb_typeof(result) = 'object');
create table noetl.event_default partition of noetl.event default;
)");
   struct range {
      char const *name, *from, *to;
   };
   static constexpr range ranges[] = {
       {"event_pre_2026", "MINVALUE", "264905529753600000"},
       {"event_2026_q1", "264905529753600000", "297520437657600000"},
       {"event_2026_q2", "297520437657600000", "330497733427200000"},
       {"event_2026_q3", "330497733427200000", "363837417062400000"},
       {"event_2026_q4", "363837417062400000", "397177100697600000"},
       {"event_2027_h1", "397177100697600000", "462769304371200000"},
       {"event_2027_h2", "462769304371200000", "529448671641600000"},
       {"event_2026_q1_standard", "529811059507200000", "569000000000000000"},
       {"event_2026_gke", "569000000000000000", "600000000000000000"},
       {"event_2026_q2_standard", "600000000000000000", "660995466854400000"},
       {"event_2026_q3_standard", "660995466854400000", "727674834124800000"},
   };
   for (auto const& r : ranges)
      db.script("create table noetl." + std::string(r.name) + " partition of noetl.event for values from (" + r.from +
                ") to (" + r.to + ")");
   db.script(R"(
alter table noetl.event add constraint event_catalog_fk foreign key (catalog_id) references noetl.catalog (catalog_id);
create index idx_event_node_name on noetl.event (node_name);
create index idx_event_exec_type on noetl.event (execution_id, event_type, event_id desc);
create index idx_event_parent_execution_id on noetl.event (parent_execution_id);
insert into noetl.event (execution_id, event_id, catalog_id, event_type, result)
   select e, n, 5, 'call.done', '{"status":"x"}' from unnest(array[1, 264905529753600001, 320816801799737344]) e, generate_series(1, 100) n;
create table noetl.command (
   command_id bigint, event_id bigint not null, execution_id bigint, catalog_id bigint not null, parent_execution_id bigint,
   parent_command_id bigint, step_name text not null, tool_kind text, status text not null default 'PENDING', worker_id text,
   claimed_at timestamptz, started_at timestamptz, completed_at timestamptz, attempt integer not null default 1, context jsonb,
   context_key text, loop_event_id text, iter_index integer, meta jsonb, result jsonb, error text, latest_event_id bigint,
   created_at timestamptz not null default now(), updated_at timestamptz not null default now(), stage_id bigint, frame_id bigint,
   primary key (execution_id, command_id)) partition by hash (execution_id);
do $$ begin
   for i in 0..15 loop
      execute format('create table noetl.command_p%s partition of noetl.command for values with (modulus 16, remainder %s)',
                     lpad(i::text, 2, '0'), i);
   end loop;
end $$;
create index idx_command_execution_status on noetl.command (execution_id, status) where status in ('PENDING', 'CLAIMED', 'RUNNING');
create table noetl.stream_cursor (name text primary key, position bigint not null, updated_at timestamptz not null default now());
insert into noetl.stream_cursor values ('event_stream_tailer', 100);
)");
}

} // namespace noetl::test
