// pg/detail/ddl_execution.hpp: tables that live on the shard of an execution.
// Text only. Source: spec schema.md sections 4 and 10.4; stream_head is ours.
#pragma once

#include <string_view>

namespace noetl::pg::detail::ddl {

inline constexpr std::string_view event = R"(
create table noetl.event (
   execution_id bigint not null,
   catalog_id bigint not null,
   event_id bigint not null,
   parent_event_id bigint,
   parent_execution_id bigint,
   created_at timestamp not null default (now() at time zone 'utc'),
   event_type varchar,
   node_id varchar,
   node_name varchar,
   node_type varchar,
   status varchar,
   duration double precision,
   context jsonb,
   result jsonb,
   meta jsonb,
   error text,
   current_index integer,
   current_item text,
   worker_id varchar,
   distributed_state varchar,
   context_key varchar,
   context_value text,
   trace_component jsonb,
   stack_trace text,
   tenant_id text not null default 'default',
   organization_id text not null default 'default',
   stream_id text,
   stream_version bigint,
   aggregate_id text,
   aggregate_type text,
   schema_name text,
   schema_version integer not null default 1,
   event_time timestamptz not null default now(),
   ingest_time timestamptz not null default now(),
   producer text,
   causation_id text,
   correlation_id text,
   idempotency_key text,
   payload_ref jsonb,
   envelope_checksum text,
   command_id bigint,
   stage_id bigint,
   frame_id bigint,
   prev_event_id bigint,
   ingest_xid xid8 default pg_current_xact_id(),
   primary key (execution_id, event_id),
   constraint chk_event_result_shape check (result is null or (
      jsonb_typeof(result) = 'object' and jsonb_typeof(result -> 'status') is not distinct from 'string'
      and (not result ? 'reference' or jsonb_typeof(result -> 'reference') = 'object')
      and (not result ? 'context' or jsonb_typeof(result -> 'context') = 'object')
      and result - array['status', 'reference', 'context'] = '{}'))
) partition by range (execution_id);
create table noetl.event_default partition of noetl.event default)";

inline constexpr std::string_view event_result_shape = R"(
alter table noetl.event add constraint chk_event_result_shape check (result is null or (
   jsonb_typeof(result) = 'object' and jsonb_typeof(result -> 'status') is not distinct from 'string'
   and (not result ? 'reference' or jsonb_typeof(result -> 'reference') = 'object')
   and (not result ? 'context' or jsonb_typeof(result -> 'context') = 'object')
   and result - array['status', 'reference', 'context'] = '{}')) not valid)";

// Two statements: with the default given at once, history would be stamped with this transaction's id.
inline constexpr std::string_view event_ingest_xid = R"(
alter table noetl.event add column ingest_xid xid8;
alter table noetl.event alter column ingest_xid set default pg_current_xact_id())";

inline constexpr std::string_view command = R"(
create table noetl.command (
   command_id bigint not null,
   event_id bigint not null,
   execution_id bigint not null,
   catalog_id bigint not null,
   parent_execution_id bigint,
   parent_command_id bigint,
   step_name text not null,
   tool_kind text,
   status text not null default 'PENDING',
   worker_id text,
   claimed_at timestamptz,
   started_at timestamptz,
   completed_at timestamptz,
   attempt integer not null default 1,
   context jsonb,
   context_key text,
   loop_event_id text,
   iter_index integer,
   meta jsonb,
   result jsonb,
   error text,
   latest_event_id bigint,
   created_at timestamptz not null default now(),
   updated_at timestamptz not null default now(),
   stage_id bigint,
   frame_id bigint,
   prev_event_id bigint,
   primary key (execution_id, command_id)
) partition by hash (execution_id);
do $$ begin
   for i in 0..15 loop
      execute format('create table noetl.command_p%s partition of noetl.command for values with (modulus 16, remainder %s)',
                     lpad(i::text, 2, '0'), i);
   end loop;
end $$)";

inline constexpr std::string_view stream_head = R"(
create table noetl.stream_head (
   execution_id bigint primary key,
   version bigint not null,
   guarded_version bigint not null,
   catalog_id bigint not null,
   status text not null default 'RUNNING',
   created_at timestamptz not null default now(),
   updated_at timestamptz not null default now()
) with (fillfactor = 70))";

inline constexpr std::string_view outbox = R"(
create table noetl.outbox (
   outbox_id bigserial primary key,
   execution_id bigint,
   event_id bigint not null,
   subject text,
   payload jsonb not null,
   payload_bytes bytea,
   payload_codec text not null default 'arrow-feather',
   status text not null default 'PENDING' check (status in ('PENDING', 'IN_FLIGHT', 'PUBLISHED', 'FAILED')),
   attempts integer not null default 0,
   available_at timestamptz not null default now(),
   locked_at timestamptz,
   published_at timestamptz,
   last_error text,
   created_at timestamptz not null default now(),
   updated_at timestamptz not null default now(),
   unique nulls not distinct (execution_id, event_id)))";

inline constexpr std::string_view projection_snapshot = R"(
create table noetl.projection_snapshot (
   aggregate_id text not null,
   aggregate_type text not null,
   tenant_id text not null default 'default',
   organization_id text not null default 'default',
   version bigint not null,
   snapshot jsonb not null,
   checksum text not null,
   meta jsonb not null default '{}',
   created_at timestamptz not null default now(),
   updated_at timestamptz not null default now(),
   primary key (tenant_id, organization_id, aggregate_type, aggregate_id)))";

inline constexpr std::string_view result_store = R"(
create table noetl.result_store (
   result_id bigint primary key,
   execution_id bigint not null,
   name text not null,
   scope text not null,
   source_step text,
   data jsonb not null,
   bytes bigint not null,
   sha256 text not null,
   media_type text not null default 'application/json',
   created_at timestamptz not null default now(),
   expires_at timestamptz))";

inline constexpr std::string_view transient = R"(
create table noetl.transient (
   execution_id bigint not null,
   var_name text not null,
   var_type text not null check (var_type in ('user_defined', 'step_result', 'computed', 'iterator_state')),
   var_value jsonb not null,
   source_step text,
   created_at timestamptz not null default now(),
   accessed_at timestamptz not null default now(),
   access_count integer not null default 0,
   expires_at timestamptz,
   scope text default 'execution' check (scope in ('step', 'execution', 'workflow', 'permanent')),
   primary key (execution_id, var_name)))";

inline constexpr std::string_view stream_cursor = R"(
create table noetl.stream_cursor (
   name text primary key,
   position bigint not null,
   updated_at timestamptz not null default now()))";

} // namespace noetl::pg::detail::ddl
